from __future__ import annotations

from pathlib import Path

import pytest
from pytorch_lightning.loggers import CSVLogger

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.journal import read_journal


def test_a_logger_that_dies_is_left_out_and_training_goes_on(
    fit, toy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Dying(CSVLogger):
        def log_metrics(self, metrics, step=None) -> None:
            if metrics["images_seen"] > 16:
                raise ConnectionError("the line is dead")

    trainer = fit(toy(), Bookkeeping(every_n_steps=1), epochs=1, loggers=[Dying(tmp_path / "other")])
    assert len(read_journal(tmp_path / "run" / "metrics.csv")) == 5
    assert [type(logger).__name__ for logger in trainer.loggers] == ["Journal"]
    assert caplog.text.count("the line is dead") == 1
    assert "training goes on without it" in caplog.text
