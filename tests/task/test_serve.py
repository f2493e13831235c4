"""What the page is refused for before it is opened, and what it shows, without a browser."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from atelier.cli import run
from atelier.config.words import conf_dir
from atelier.task import serve
from atelier.task.serve_address import in_address
from atelier.task.serve_model import open_models
from atelier.types import Mistake

CPU = torch.device("cpu")


def settings(*words: str) -> DictConfig:
    plain: Any = OmegaConf.to_container(OmegaConf.load(conf_dir() / "serve.yaml"))
    chosen = {name: value for name, value in plain.items() if name not in ("hydra", "defaults", "run_dir")}
    cfg = OmegaConf.merge(OmegaConf.create(chosen), OmegaConf.from_dotlist(list(words)))
    assert isinstance(cfg, DictConfig)
    return cfg


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("port=0", "port=0: a number from 1 to 65535"),
        ("port=here", "port=here: a number"),
        ("host=", "host="),
        ("host=203.0.113.1", "host=203.0.113.1: no address of this machine"),  # kept free for documentation
        ("host=nowhere.invalid", "host=nowhere.invalid: no machine is known by this name"),
        ("limits.megapixels=0", "limits.megapixels=0: a whole number of at least 1"),
        ("quiz.rounds=1000", "at most 400 pictures in all"),
        ("device=abacus", "device=abacus: this machine has cpu"),
        ("ckpt=[a,b,c,d,e]", "ckpt: 5 are named; one to 4"),
        ("ckpt=nowhere", "ckpt=nowhere: there is no such file or folder"),
    ],
)
def test_mistakes_are_told_by_name(word: str, told: str, trained: Path) -> None:
    mistakes = serve.preflight(settings(f"ckpt={trained}", word))
    assert any(told in mistake for mistake in mistakes), mistakes


def test_a_port_that_another_program_has_is_told_before_a_model_is_loaded(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "open_models", None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = f"port={port}: another program has it; port=null takes a free one"
        assert serve.preflight(settings(f"ckpt={trained}", f"port={port}")) == [told]


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert [in_address(host) for host in ("::1", "127.0.0.1", "here")] == ["[::1]", "127.0.0.1", "here"]


def test_a_good_configuration_has_none(trained: Path) -> None:
    assert serve.preflight(settings(f"ckpt={trained}")) == []
    assert serve.preflight(settings(f"ckpt=[{trained},{trained}]")) == []


def test_a_missing_extra_is_one_line(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run("serve", [f"ckpt={trained}"]) == 2
    assert capsys.readouterr().err == "atelier: the web page needs gradio: uv sync --extra demo\n"


def test_a_served_model_knows_what_its_model_can(trained: Path) -> None:
    first, second = open_models([trained, trained], device=CPU, root=None)
    assert (first.name, second.name) == ("1 · dcgan on digits", "2 · dcgan on digits")
    assert (first.ways, first.reconstructor, first.truncates) == ({}, None, False)
    assert first.folder == trained.resolve() and len(first.fingerprint()) == 16
    images = first.sample(3, seed=5, start=2, truncation=1.0)
    assert (images.dtype, tuple(images.shape)) == (torch.uint8, (3, 1, 32, 32))
    assert torch.equal(images[:1], first.sample(1, seed=5, start=2))
    reals = first.reals([4, 0, 4], None)
    assert torch.equal(reals[0], reals[2]) and not torch.equal(reals[0], reals[1])
    assert first.held_out(None) == 355


def test_data_that_are_gone_are_told_without_a_path(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> Any:
        raise Mistake("data.root=/home/somebody: there is no such folder")

    monkeypatch.setattr("atelier.task.serve_model.checkpoint_data", gone)
    (served,) = open_models([trained], device=CPU, root=None)
    with pytest.raises(Mistake) as mistake:
        served.reals([0], None)
    assert "/home" not in str(mistake.value)


def test_gradio_is_told_to_be_quiet_and_its_folder_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    with serve.quiet_gradio():
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        assert folder.is_dir()
        assert (os.environ["GRADIO_ANALYTICS_ENABLED"], os.environ["HF_HUB_OFFLINE"]) == ("False", "1")
    assert not folder.exists() and "GRADIO_TEMP_DIR" not in os.environ
    assert os.environ["HF_HUB_OFFLINE"] == "0"
