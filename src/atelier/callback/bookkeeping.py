"""Closes the model's ledger now and then, and sends its means on."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.callback.recorder import clock_of, record
from atelier.types import Bookkeeper, Mistake


class Bookkeeping(Callback):
    """Records the means of terms every ``every_n_steps`` batches, before scores and at an epoch's end.

    These are the only moments at which the host waits for the device.
    """

    def __init__(self, every_n_steps: int) -> None:
        if every_n_steps < 1:
            raise Mistake(f"callback.bookkeeping.every_n_steps={every_n_steps}: at least 1 batch lies between two rows")
        self.every_n_steps = every_n_steps
        self._entered = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Close the ledger if it is time."""
        self._entered += 1
        if self._entered >= self.every_n_steps:
            self.close(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Scores come after the terms that led to them."""
        if not trainer.sanity_checking:
            self.close(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing is carried over, so that a checkpoint needs no half-filled ledger."""
        self.close(trainer, pl_module)

    def close(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the means over all ranks since the last time, if there are any."""
        assert isinstance(pl_module, Bookkeeper), f"{type(pl_module).__name__} keeps no ledger"
        if not self._entered:
            return
        self._entered = 0
        means = pl_module.ledger.close()
        if means and trainer.world_size > 1:
            local = torch.tensor(list(means.values()), device=pl_module.device)
            everywhere = trainer.strategy.reduce(local, reduce_op="mean")
            assert isinstance(everywhere, torch.Tensor)
            means = dict(zip(means, everywhere.tolist(), strict=True))
        speed = {"images_per_second": round(clock_of(trainer).lap(), 2)}
        record(trainer, "train", {**means, **speed})
