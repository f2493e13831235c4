from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.callback.recorder import clock_of
from atelier.callback.resumption import Resumption


class Placed(Callback):
    """Puts the clock where a checkpoint would."""

    def __init__(self, epoch: float) -> None:
        self.epoch = epoch

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        clock_of(trainer).epoch, clock_of(trainer).images_seen = self.epoch, 1320


@pytest.mark.parametrize(("epoch", "told"), [(2.0, "2 epochs"), (1.5, "1.5 epochs"), (1.0, "1 epoch")])
def test_a_resumed_run_tells_what_lies_behind_it(
    epoch: float, told: str, *, fit, toy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "atelier"):
        fit(toy(), Placed(epoch), Resumption(tmp_path / "run" / "checkpoints" / "last.ckpt", retuned=False), epochs=3)
    assert f"going on after {told}, 1,320 images" in caplog.text


@pytest.mark.parametrize("links", [True, False], ids=["second names", "copies"])
def test_the_state_that_a_run_goes_on_from_is_its_last_one(
    links: bool, fit, toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was trained after it is cut back: a kill before the next save would leave a folder of two runs."""
    if not links:
        monkeypatch.setattr("atelier.whole_file.linked", lambda *_: False)
    (folder := tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (folder / "best.ckpt").write_bytes(b"of epoch 1")
    (folder / "last.ckpt").write_bytes(b"of epoch 2")
    fit(toy(), Placed(1.0), Resumption(folder / "best.ckpt", retuned=False), epochs=3)
    assert (folder / "last.ckpt").read_bytes() == (folder / "best.ckpt").read_bytes() == b"of epoch 1"
    assert sorted(file.name for file in folder.iterdir()) == ["best.ckpt", "last.ckpt"]
