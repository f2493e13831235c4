"""The first thing in a run that goes on: the folder and the optimizers come to stand where the checkpoint stands."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.gallery import epoch_in
from atelier.callback.journal import Journal, Kind
from atelier.callback.recorder import boards_of, clock_of, companion
from atelier.callback.trainer_parts import callbacks_of, run_of
from atelier.counted import counted
from atelier.whole_file import put

log = logging.getLogger(__name__)


class Resumption(Callback):
    """Cuts back what lies behind the checkpoint, so that nothing appears twice; a trainer's first callback.

    checkpoint: the file that the run goes on from.
    retuned: the model's options were changed: its optimizers take their settings from the configuration, not from the
        checkpoint. (Where nothing was changed these are the same.)
    """

    def __init__(self, checkpoint: Path, retuned: bool) -> None:
        self.checkpoint, self.retuned = checkpoint, retuned
        self._settings: list[list[dict[str, Any]]] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the optimizers' settings before Lightning restores them; close a run that lacks nothing but its end."""
        self._settings = [
            [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
            for optimizer in trainer.optimizers
        ]
        clock = clock_of(trainer)
        if trainer.max_epochs is not None and clock.epoch >= trainer.max_epochs:
            for callback in callbacks_of(trainer):
                callback.on_train_end(trainer, pl_module)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Cut back, and say where we are."""
        # Of processes that were started apart, the first alone compares with what stood in the folder.
        if trainer.strategy.broadcast(self.retuned):
            for optimizer, groups in zip(trainer.optimizers, self._settings, strict=True):
                for group, settings in zip(optimizer.param_groups, groups, strict=True):
                    group.update(settings)
        if trainer.is_global_zero and self.checkpoint.resolve() != run_of(trainer).last.resolve():
            # What is cut back below belongs to last.ckpt: a kill before the next save would leave a folder of two runs.
            put(self.checkpoint, run_of(trainer).last)
        clock, behind = clock_of(trainer), _behind(trainer)
        for journal in trainer.loggers:
            if isinstance(journal, Journal):
                journal.cut_back(clock.images_seen, behind)
        if trainer.is_global_zero:
            unseen = 0.01 if "val" in behind and clock.epoch % 1 else 0.0  # names tell hundredths
            for picture in later_pictures(run_of(trainer).samples.glob("epoch_*.png"), clock.epoch - unseen):
                picture.unlink()
            done = counted(round(clock.epoch, 2), "epoch"), counted(clock.images_seen, "image")
            log.info("going on after %s, %s", *done)


def _behind(trainer: Trainer) -> set[Kind]:
    """What came after the checkpoint, though at the same place: a run whose time is up within an epoch closes its
    ledger and validates there, once its state is saved."""
    behind: set[Kind] = set()
    book, epoch = companion(trainer, Bookkeeping), clock_of(trainer).epoch
    if book is not None and book.entered:
        behind.add("train")
    if not any(row["epoch"] == epoch for board in boards_of(trainer) for row in board.history.rows[-1:]):
        behind.add("val")
    return behind


def later_pictures(pictures: Iterable[Path], epoch: float) -> list[Path]:
    """Those of the named pictures that show a later state than ``epoch``; names tell epochs to two decimals."""
    return [path for path in pictures if (epoch_in(path.stem) or 0.0) > round(epoch, 2)]
