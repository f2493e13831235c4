"""``compile=true`` in words."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import LightningModule
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler

from atelier.cli import run
from atelier.task.compiling import COMPILED, compile_networks, uncompilable

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
    session_cache: Path, composed: Compose, monkeypatch: pytest.MonkeyPatch
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
    del os.environ[COMPILED]
