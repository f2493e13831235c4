"""Verbs called from Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from atelier import load, run
from atelier.cli import run as typed
from atelier.types import Mistake

_TINY = (
    "experiment=ring",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "model.generator.width=4",
    "model.critic.network.width=4",
)


def test_it_does_what_the_command_line_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sys.argv
    folder = run("train", *_TINY, "seed=3", folder=tmp_path / "called")
    assert folder == tmp_path / "called"
    assert sys.argv is before
    assert typed("train", [*_TINY, "seed=3", f"hydra.run.dir={tmp_path / 'typed'}"]) == 0
    called, there = load(folder), load(tmp_path / "typed")
    assert torch.equal(called.sample(8, seed=0), there.sample(8, seed=0))
    kept = [json.loads((place / "results.json").read_text())["scores"] for place in (folder, tmp_path / "typed")]
    assert kept[0] == kept[1]


def test_a_folder_is_made_anew_for_every_call(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = [run("sample", f"ckpt={trained}", "samples=4") for _ in range(2)]
    assert made[0] != made[1]
    assert all(place.parent == Path("outputs/sample") and list(place.rglob("*.png")) for place in made)


@pytest.mark.parametrize(
    ("verb", "words", "told"),
    [
        ("trian", (), "did you mean train"),
        ("train", ("objective=hing", "data.batchsize=32"), r"hinge(.|\n)*batch_size"),
        ("train", ("data.batchsize=32", "data.batch_size=-3"), r"mean batch_size\?(.|\n)*batch_size=-3: must be 1"),
        ("train", ("resume=latest",), "atelier train resume=latest"),
        ("train", ("hydra.run.dir=here",), "folder='here'"),
        ("train", ("model=gan", "--help"), r"--help: .*command line \(atelier train --help\)"),
        ("sample", ("--cfg=job",), r"--cfg=job: .*\(atelier sample --cfg=job\)"),
    ],
)
def test_mistakes_are_raised_and_nothing_is_written(
    verb: str, words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake, match=told):
        run(verb, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        return 143

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("atelier.cli.call.attempt", interrupted)
    with pytest.raises(RuntimeError, match="status 143"):
        run("train", *_TINY)
    monkeypatch.setattr("atelier.cli.call.attempt", lambda *_: 130)
    with pytest.raises(KeyboardInterrupt):
        run("train", *_TINY)
