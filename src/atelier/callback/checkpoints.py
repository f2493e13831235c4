"""checkpoints/last.ckpt and checkpoints/best.ckpt."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from atelier.callback.atomic import sweep
from atelier.callback.recorder import Row, board_of, clock_of
from atelier.types import Diverged, Game


def folder(trainer: Trainer) -> Path:
    """Where the run's checkpoints lie."""
    return Path(trainer.default_root_dir) / "checkpoints"


def bad_terms(row: Row) -> list[str]:
    """The names of a row's training terms that are no longer finite.

    A gradient's norm is left out: under float16 it overflows now and then, and the step is skipped.
    """
    if row.kind != "train":
        return []
    return [name for name, value in row.scalars.items() if not math.isfinite(value) and not name.endswith("grad_norm")]


def diverged(trainer: Trainer, what: str) -> Diverged:
    """The error for a run in which ``what`` is no longer finite, with what is left and what to try."""
    last = folder(trainer) / "last.ckpt"
    kept = f"the last good checkpoint is {last}" if last.exists() else "no checkpoint had been written yet"
    clock = clock_of(trainer)
    game = isinstance(trainer.lightning_module, Game)
    calmer = "smaller learning rates, regularizer=r1," if game else "a smaller learning rate"
    return Diverged(
        f"{what} is not finite any more (epoch {clock.epoch:.2f}, {clock.images_seen:,} images): "
        f"training stops, and {kept}. "
        f"What usually helps: {calmer} or trainer.precision=32-true"
    )


class Checkpoints(Checkpoint):
    """Saves the state at every epoch's end, and the state that was best by the first board's primary figure.

    Nothing is saved once a training term or a weight has left the finite numbers, so both files stay good.
    Lightning calls this class after all other callbacks, and at an epoch's end after the model itself.
    """

    def __init__(self) -> None:
        self._lost = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Sweep up after a process that was killed while it saved."""
        if trainer.is_global_zero:
            sweep(folder(trainer))

    def hear(self, trainer: Trainer, row: Row) -> None:
        """Notice a state that is not worth keeping."""
        self._lost = self._lost or bool(bad_terms(row))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Within an epoch the best state is saved as it passes; at its end it waits for the last hooks."""
        if not trainer.sanity_checking and trainer.state.fn == "fit" and not trainer.is_last_batch:
            self._save_best(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what a resumed run needs, all hooks of the epoch behind it."""
        self._save_best(trainer, pl_module)
        self._save(trainer, pl_module, "last")

    def _save_best(self, trainer: Trainer, pl_module: LightningModule) -> None:
        board = board_of(trainer)
        scored_now = board is not None and board.scored_at == clock_of(trainer).step
        if board is not None and scored_now and board.history.improved(board.history.primary):
            self._save(trainer, pl_module, "best")

    def _save(self, trainer: Trainer, pl_module: LightningModule, name: str) -> None:
        if self._lost:
            return
        if not _finite(pl_module):
            self._lost = True
            raise diverged(trainer, "a weight")
        trainer.save_checkpoint(folder(trainer) / f"{name}.ckpt", weights_only=False)


@torch.no_grad()
def _finite(module: LightningModule) -> bool:
    """Whether all parameters are finite, in one synchronisation."""
    finite = [parameter.isfinite().all() for parameter in module.parameters()]
    return not finite or bool(torch.stack(finite).all())
