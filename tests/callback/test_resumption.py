from __future__ import annotations

import logging

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
    epoch: float, told: str, fit, toy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "atelier"):
        fit(toy(), Placed(epoch), Resumption(retuned=False), epochs=3)
    assert f"going on after {told}, 1,320 images" in caplog.text
