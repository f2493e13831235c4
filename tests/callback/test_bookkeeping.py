from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pytorch_lightning.callbacks import Checkpoint

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.journal import read_journal
from atelier.types import Mistake


def test_rows_are_means_since_the_row_before(fit, toy, tmp_path: Path) -> None:
    fit(toy(), Bookkeeping(every_n_steps=3), epochs=2)
    rows = read_journal(tmp_path / "run" / "metrics.csv")
    # Steps 0 1 2 | 3 4 (end of the epoch) | 5 6 7 | 8 9.
    assert [float(row["d/loss"]) for row in rows] == [1.0, 3.5, 6.0, 8.5]
    assert [float(row["g/loss"]) for row in rows] == [-1.0, -3.5, -6.0, -8.5]
    assert [float(row["epoch"]) for row in rows] == [0.6, 1.0, 1.6, 2.0]
    assert [int(row["images_seen"]) for row in rows] == [24, 40, 64, 80]


def test_rows_need_at_least_one_batch() -> None:
    with pytest.raises(Mistake, match="every_n_steps=0"):
        Bookkeeping(every_n_steps=0)


def test_terms_stay_out_of_lightnings_own_logging(fit, toy) -> None:
    assert fit(toy(), Bookkeeping(every_n_steps=1)).callback_metrics == {}


def test_a_half_filled_ledger_is_carried_over_an_interruption(fit, toy, tmp_path: Path) -> None:
    class Interrupted(Checkpoint):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            if batch.step == 6:
                trainer.save_checkpoint(tmp_path / "half.ckpt")

    fit(toy(), Bookkeeping(every_n_steps=4), Interrupted(), epochs=2, enable_checkpointing=True)
    content = torch.load(tmp_path / "half.ckpt", weights_only=True)
    assert content["ledger"]["batches"] == 2
    assert content["ledger"]["sums"]["d/loss"][0].tolist() == [5.0 + 6.0]
    again, module = Bookkeeping(every_n_steps=4), toy()
    trainer = fit(toy(), epochs=1)
    again.on_load_checkpoint(trainer, module, content)
    again.on_train_start(trainer, module)
    assert module.ledger.close()["d/loss"] == 5.5
