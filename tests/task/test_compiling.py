"""``compile=true`` in words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import LightningModule
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler

from atelier.cli import run
from atelier.task.compiling import COMPILED, compile_networks, uncompilable

SRC = Path(__file__).parents[2] / "src"

Compose = Callable[..., DictConfig]


def _none(*_: object) -> str:
    raise InvalidCxxCompiler


def test_without_a_compiler_nothing_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", _none)
    assert run("train", ["compile=true", "trainer=cpu", f"hydra.run.dir={tmp_path / 'run'}"]) == 2
    assert "apt install g++" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_family_says_what_is_compiled(composed: Compose) -> None:
    for model, data in (("autoencoder", "digits"), ("gan", "digits"), ("dcgan", "digits"), ("cyclegan", "stripes")):
        assert uncompilable(composed(f"model={model}", f"data={data}", "compile=true")) == []
    other = OmegaConf.create({"compile": True, "model": {"_target_": "torch.nn.modules.linear.Linear"}})
    assert "no compile_networks" in uncompilable(other)[0]


def test_what_was_compiled_is_kept_beside_other_caches(
    session_cache: Path, composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Player(LightningModule):
        def compile_networks(self, **options: object) -> None:
            said.update(options)

    said: dict[str, object] = {}
    monkeypatch.delenv(COMPILED, raising=False)
    compile_networks(composed("compile=false"), Player())
    assert said == {}
    monkeypatch.setenv(COMPILED, "mine")  # so that the fixture puts the environment back
    compile_networks(composed("compile=true"), Player())
    assert said == {"dynamic": False}
    assert os.environ[COMPILED] == "mine"
    monkeypatch.delenv(COMPILED)
    compile_networks(composed("compile=true"), Player())
    assert os.environ[COMPILED] == str(session_cache / "compiled")
    (tmp_path / "file").touch()
    monkeypatch.setenv("ATELIER_CACHE", str(tmp_path / "file"))
    del os.environ[COMPILED]
    compile_networks(
        composed("compile=true"), Player()
    )  # into a folder of torch's own, which it names when it compiles
    assert os.environ.pop(COMPILED, None) != str(tmp_path / "file" / "compiled")


COMPILER = """#!/bin/sh
case "$*" in *.cpp*) kill -TERM 0; sleep 5;; esac
exec c++ "$@"
"""
"""Its whole group is told to stop as soon as it is given something to compile."""


@pytest.mark.slow
def test_a_signal_that_reaches_the_compiler_too_ends_the_run_as_a_signal_does(tmp_path: Path) -> None:
    compiler = tmp_path / "compiler"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    words = ["model=gan", "data=digits", "trainer=cpu", "compile=true", f"hydra.run.dir={tmp_path / 'run'}"]
    ended = subprocess.run(
        [sys.executable, str(SRC / "train.py"), *words],
        env={**os.environ, "CXX": str(compiler), COMPILED: str(tmp_path / "cache")},
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 143, ended.stderr
    assert "stopped by a signal to terminate" in ended.stderr and "could not compile" not in ended.stderr
