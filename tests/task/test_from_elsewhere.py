"""A run whose data lie in a relative folder, met from another working folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from PIL import Image

from atelier.cli import run
from tiny import SMALL

pytestmark = pytest.mark.thorough

WORDS = (
    *(word for word in SMALL if word != "data=digits"),
    *("data=image_folder", "data.root=pictures", "data.image_size=32", "data.channels=1", "data.batch_size=50"),
    *("callback.scoreboard=null", "callback.report=null", "trainer.max_epochs=1", "hydra.run.dir=run"),
)


@pytest.fixture
def elsewhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another working folder than the one in which ``run`` was trained, beside it."""
    home = here / "home"
    (home / "pictures").mkdir(parents=True)
    for number in range(120):
        Image.new("L", (16, 16), number).save(home / "pictures" / f"{number}.png")
    monkeypatch.chdir(home)
    assert run("train", WORDS) == 0
    other = here / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    return home


def test_the_data_are_found_again(elsewhere: Path) -> None:
    words = [f"ckpt={elsewhere}/run", "extractor=pixels", "extractor.numbers=1024"]
    assert run("evaluate", [*words, "hydra.run.dir=figures"]) == 0
    assert run("train", [f"resume={elsewhere}/run", "trainer.max_epochs=2"]) == 0
    stored = OmegaConf.load(elsewhere / "run" / "config.yaml")
    assert stored.data.root == f"{elsewhere}/pictures"
    assert not Path("pictures").exists()
    changed = OmegaConf.load(elsewhere / "run" / "resumed.yaml")[0].changed
    assert set(changed) == {"trainer.max_epochs", "trainer.check_val_every_n_epoch"}


def test_data_that_are_gone_are_named(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "pictures").rename(elsewhere / "photographs")
    assert run("encode", [f"ckpt={elsewhere}/run", "split=test"]) == 2
    assert run("evaluate", [f"ckpt={elsewhere}/run", "extractor=pixels", "extractor.numbers=16"]) == 2
    assert "data.root=pictures: no such folder" in capsys.readouterr().err
