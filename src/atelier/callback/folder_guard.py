"""A guard of the folder in which a run lives: without it there is nothing to train for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.run_folder import RunFolder
from atelier.types import Vanished


class FolderGuard(Callback):
    """Ends a run whose folder was deleted or moved; before all that write, among a trainer's callbacks.

    Nobody else may write before it has looked: to write is to make the folder anew, and what would lie in it then is a
    run without its configuration, which nothing can go on from.

    folder: the run's, with its configuration in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._identity = _identity(folder)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look."""
        self._look(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look, before rows and checkpoints are written."""
        self._look(trainer)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look, before scores are written."""
        self._look(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look, before pictures are written."""
        self._look(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look, as the steps above."""
        self._look(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look, before the end is written."""
        self._look(trainer)

    def _look(self, trainer: Trainer) -> None:
        if trainer.is_global_zero and _identity(self.folder) != self._identity:
            raise vanished(self.folder)


def vanished(folder: Path) -> Vanished:
    """The error for a run whose ``folder`` is gone."""
    return Vanished(
        f"{folder}: this run's folder is gone (deleted or moved), and with it the place for all that is trained: "
        "training stops. If it was moved, resume=<its new place> goes on with the last checkpoint in it"
    )


def _identity(folder: Path) -> tuple[int, int] | None:
    """Tells ``folder`` from another one of its name; None where it or the run's configuration is gone."""
    try:
        RunFolder(folder).config.stat()
        found = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
