"""A translator's checkpoint is scored: as training scored it, on other splits, by other extractors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atelier.cli import run

TINY = [
    *("model=cyclegan", "data=stripes", "data.image_size=32", "data.source.train=6", "data.source.test=5"),
    *("generator=resnet_6blocks", "generator.width=2", "discriminator=pixel", "discriminator.width=2"),
    *("trainer=cpu", "trainer.max_epochs=1", "trainer.check_val_every_n_epoch=1", "hydra.run.dir=run"),
    *("callback.gallery=null", "callback.report=null"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds a run of one epoch."""
    place = tmp_path_factory.mktemp("translator")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert run("train", TINY) == 0
    return place


def scores(file: Path) -> dict[str, dict[str, object]]:
    return dict(json.loads(file.read_text(encoding="utf-8"))["scores"])


def test_evaluate_agrees_with_training(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run("evaluate", ["ckpt=run/checkpoints/last.ckpt", "batch_size=2", "hydra.run.dir=again"]) == 0
    trained, again = scores(folder / "run" / "results.json"), scores(folder / "again" / "results.json")
    assert list(again) == [name.removeprefix("val/") for name in trained]
    assert next(iter(again)) == "truth_psnr"
    for name, entry in again.items():
        before = trained[f"val/{name}"]
        assert entry["value"] == pytest.approx(before["last"], rel=1e-4)
        assert entry.get("untouched", 0.0) == pytest.approx(before.get("untouched", 0.0), rel=1e-5)
        assert entry["protocol"] == before["protocol"]


def test_another_split_and_extractor(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(folder)
    words = [
        "ckpt=run",
        "split=train",
        "samples=4",
        "extractor=pixels",
        "extractor.numbers=3072",
        "hydra.run.dir=other",
    ]
    assert run("evaluate", words) == 0
    found = scores(folder / "other" / "results.json")
    for way in ("a_to_b", "b_to_a"):
        entry = found[f"fd_pixels_{way}"]
        assert (entry["protocol"]["real"], entry["protocol"]["fake"], entry["protocol"]["split"]) == (6, 4, "train")
        assert entry["untouched"] > 0 and entry["floor"] > 0
    assert found["fd_pixels"]["value"] == pytest.approx(
        (found["fd_pixels_a_to_b"]["value"] + found["fd_pixels_b_to_a"]["value"]) / 2
    )
    assert "untouched input" in capsys.readouterr().out


def test_more_images_than_there_are_is_a_mistake(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(folder)
    assert run("evaluate", ["ckpt=run", "samples=99", "hydra.run.dir=none"]) == 2
    assert "samples=99: domain a" in capsys.readouterr().err
    assert not (folder / "none").exists()
