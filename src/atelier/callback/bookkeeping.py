"""Closes the model's ledger now and then, and sends its means on."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.callback.recorder import clock_of, record
from atelier.types import Bookkeeper, Mistake


class Bookkeeping(Callback):
    """Records the means of terms every ``every_n_steps`` batches, before scores and at an epoch's end.

    Between these moments the host waits for the device only where a checkpoint is written and, in a run of several
    processes, at every tenth batch, when they agree on whether to save or to leave.

    entered: batches whose terms are not recorded yet.
    """

    def __init__(self, every_n_steps: int) -> None:
        if every_n_steps < 1:
            raise Mistake(f"callback.bookkeeping.every_n_steps={every_n_steps}: at least 1 batch lies between two rows")
        self.every_n_steps = every_n_steps
        self.entered = 0
        self._stored: dict[str, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """In a run that goes on within an epoch: open the ledger where it was."""
        if self._stored:
            assert isinstance(pl_module, Bookkeeper), f"{type(pl_module).__name__} keeps no ledger"
            device, rank = pl_module.device, trainer.global_rank
            mine = {name: (sums[rank].to(device), count) for name, (sums, count) in self._stored.items()}
            pl_module.ledger.load_state_dict(mine)
            self._stored = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Close the ledger if it is time."""
        self.entered += 1
        if self.entered >= self.every_n_steps:
            self.close(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Scores come after the terms that led to them."""
        if not trainer.sanity_checking:
            self.close(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing is carried over into the next epoch."""
        self.close(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the key ``ledger``: the batches in it, and by name the sums of all ranks ``[world]`` and their count.

        To close it here would be simpler, but then the rows would depend on when checkpoints were written.
        """
        assert isinstance(pl_module, Bookkeeper), f"{type(pl_module).__name__} keeps no ledger"
        everywhere = trainer.strategy.all_gather
        sums = {
            name: (everywhere(total).reshape(-1).cpu(), count)
            for name, (total, count) in pl_module.ledger.state_dict().items()
        }
        checkpoint["ledger"] = {"batches": self.entered, "sums": sums}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep the stored ledger until training starts, when the model is on its device."""
        stored = checkpoint.get("ledger", {"batches": 0, "sums": {}})
        if all(len(sums) == trainer.world_size for sums, _ in stored["sums"].values()):
            self.entered, self._stored = stored["batches"], stored["sums"]

    def close(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the means over all ranks since the last time, if there are any."""
        assert isinstance(pl_module, Bookkeeper), f"{type(pl_module).__name__} keeps no ledger"
        if not self.entered:
            return
        self.entered = 0
        means = pl_module.ledger.close()
        if means and trainer.world_size > 1:
            local = torch.tensor(list(means.values()), device=pl_module.device)
            everywhere = trainer.strategy.reduce(local, reduce_op="mean")
            assert isinstance(everywhere, torch.Tensor)
            means = dict(zip(means, everywhere.tolist(), strict=True))
        speed = {"images_per_second": round(clock_of(trainer).lap(), 2)}
        record(trainer, "train", {**means, **speed})
