"""checkpoints/last.ckpt, checkpoints/best.ckpt and the runners-up."""

from __future__ import annotations

import math
import time
from collections.abc import Set
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from atelier.callback.atomic import unsaved
from atelier.callback.clock import position
from atelier.callback.recorder import Row, board_of, clock_of
from atelier.callback.score_history import whole
from atelier.callback.variants import chosen, configuration_of, named
from atelier.regularizer.none import NoRegularizer
from atelier.types import Diverged, Game, Mistake
from atelier.whole_file import linked, sweep

ASK_EVERY = 10
"""Batches between two questions that the processes of a run must agree on: each costs a wait for the slowest."""


def folder(trainer: Trainer) -> Path:
    """Where the run's checkpoints lie."""
    return Path(trainer.default_root_dir) / "checkpoints"


def bad_terms(row: Row) -> list[str]:
    """The names of a row's training terms that are no longer finite."""
    return [name for name, value in row.scalars.items() if row.kind == "train" and not math.isfinite(value)]


def diverged(trainer: Trainer, what: str) -> Diverged:
    """The error for a run in which ``what`` is no longer finite, with what is left and what to try."""
    last = folder(trainer) / "last.ckpt"
    kept = f"the last good checkpoint is {last}" if last.exists() else "no checkpoint had been written yet"
    clock = clock_of(trainer)
    return Diverged(
        f"{what} is not finite any more (epoch {clock.epoch:.2f}, {clock.images_seen:,} images): "
        f"training stops, and {kept}. "
        f"What usually helps: {', or '.join(_calmer(trainer))}"
    )


def _calmer(trainer: Trainer) -> list[str]:
    """What may keep the numbers of a run like this one finite, without what it has already."""
    ways = ["smaller learning rates" if isinstance(trainer.lightning_module, Game) else "a smaller learning rate"]
    if chosen(configuration_of(Path(trainer.default_root_dir)), "regularizer") == named(NoRegularizer):
        ways.append("regularizer=r1")
    if trainer.precision not in ("32-true", "64-true"):
        ways.append("trainer.precision=32-true")
    return ways


def between_batches(trainer: Trainer, batch_idx: int) -> bool:
    """Whether a state saved after batch ``batch_idx`` is continued by the next batch.

    After an epoch's last batch the epoch's end is still to come, and Lightning leaves it out when it continues a state
    saved there; so it does with a validation within the epoch: where one follows every batch, none is followed by a
    batch, and a run is saved at the ends of epochs alone. Nor is there a place for gradients that several batches sum
    up: the next batch has to begin a sum.
    """
    every = trainer.val_check_batch
    if trainer.is_last_batch or (batch_idx + 1) % trainer.accumulate_grad_batches:
        return False
    if not every or math.isinf(every):
        return True
    counted = batch_idx if trainer.check_val_every_n_epoch is not None else trainer.fit_loop.total_batch_idx
    return (counted + 1) % every != 0


class Checkpoints(Checkpoint):
    """Saves the last state now and then and at every epoch's end, and the best states by the first board's figure.

    Nothing is saved once a training term or a weight has left the finite numbers, so all files stay good.
    Lightning calls this class after all other callbacks, and at an epoch's end after the model itself.

    every_n_minutes, every_n_batches: how often last.ckpt is written within an epoch; None for at its end alone.
    keep: number of best states; the best is best.ckpt, the others are best-<epoch>.ckpt.
    saved: whether the last attempt to write last.ckpt did write it.
    """

    def __init__(self, every_n_minutes: float | None = None, every_n_batches: int | None = None, keep: int = 1) -> None:
        if every_n_minutes is not None and not every_n_minutes > 0:
            raise Mistake(f"callback.checkpoints.every_n_minutes={every_n_minutes}: must be above 0")
        if every_n_batches is not None and every_n_batches < 1:
            raise Mistake(f"callback.checkpoints.every_n_batches={every_n_batches}: at least 1 batch")
        if keep < 1:
            raise Mistake(f"callback.checkpoints.keep={keep}: at least the best state is kept")
        self.every_n_minutes, self.every_n_batches, self.keep = every_n_minutes, every_n_batches, keep
        self.saved = False
        self._lost = self._due = False
        self._saved_at = 0.0
        self._saved_step = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Sweep up after a process that was killed while it wrote: checkpoints, results, rows or samples."""
        run = Path(trainer.default_root_dir)
        if trainer.is_global_zero:
            for place in (run, folder(trainer), run / "samples"):
                sweep(place)

    def hear(self, trainer: Trainer, row: Row) -> None:
        """Notice a state that is not worth keeping."""
        self._lost = self._lost or bool(bad_terms(row))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Minutes and batches count from here."""
        self._saved_at, self._saved_step = time.monotonic(), clock_of(trainer).step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if it is time, or as soon after that as can be; and where the run is to end within an epoch."""
        self._due = self._due or self._is_time(trainer) or trainer.fit_loop.epoch_loop.done
        if self._due and between_batches(trainer, batch_idx):
            self.save_last(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Within an epoch the best state is saved as it passes; at its end it waits for the last hooks."""
        if not trainer.sanity_checking and trainer.state.fn == "fit" and not trainer.is_last_batch:
            self._save_best(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what a resumed run needs, all hooks of the epoch behind it."""
        self._save_best(trainer, pl_module)
        # Lightning ends an epoch that was cut short as it ends others; from its end the run would go on with the next.
        cut_short = self.saved and self._saved_step == clock_of(trainer).step
        if not cut_short:
            self.save_last(trainer, pl_module)

    def save_last(self, trainer: Trainer, pl_module: LightningModule) -> bool:
        """Write last.ckpt, on all ranks together; whether it now holds this state."""
        self._saved_at, self._saved_step, self._due = time.monotonic(), clock_of(trainer).step, False
        self.saved = self._save(trainer, pl_module, "last")
        return self.saved

    def _is_time(self, trainer: Trainer) -> bool:
        step = clock_of(trainer).step
        if self.every_n_batches is not None and step - self._saved_step >= self.every_n_batches:
            return True
        if self.every_n_minutes is None or (trainer.world_size > 1 and step % ASK_EVERY):
            return False
        late = time.monotonic() - self._saved_at >= 60 * self.every_n_minutes
        return trainer.strategy.broadcast(late) if trainer.world_size > 1 else late

    def _save_best(self, trainer: Trainer, pl_module: LightningModule) -> None:
        board = board_of(trainer)
        if board is None or board.scored_at != clock_of(trainer).step:
            return
        history = board.history
        places = [taken.epoch for taken in history.ranking(history.primary)[: self.keep]]
        now = history.rows[-1]["epoch"]
        runners_up = {_runner_up(epoch) for epoch in places[1:]}
        if places[:1] == [now]:
            self._save_first(trainer, pl_module, now, runners_up)
        elif now in places:
            self._save(trainer, pl_module, Path(_runner_up(now)).stem)
        if trainer.is_global_zero:
            for file in folder(trainer).glob("best-*.ckpt"):
                if file.name not in runners_up:
                    file.unlink(missing_ok=True)

    def _save_first(self, trainer: Trainer, pl_module: LightningModule, now: float, runners_up: Set[str]) -> None:
        """Write best.ckpt; what lay there before stays under its epoch's name, if that is among ``runners_up``."""
        best = folder(trainer) / "best.ckpt"
        former = _name_of(best, runners_up) if runners_up and trainer.is_global_zero else None
        if former is None or linked(best, former):
            self._save(trainer, pl_module, "best")
            return
        # A copy could find the disk full half-way. So the new state is written beside the former one, and only once
        # both are whole the names move on.
        beside = best.with_name(_runner_up(now))
        if self._save(trainer, pl_module, beside.stem):
            best.replace(former)
            beside.replace(best)

    def _save(self, trainer: Trainer, pl_module: LightningModule, name: str) -> bool:
        if self._lost:
            return False
        if not _finite(pl_module):
            self._lost = True
            raise diverged(trainer, "a weight")
        trainer.save_checkpoint(folder(trainer) / f"{name}.ckpt", weights_only=False)
        return not unsaved(trainer)


def _runner_up(epoch: float) -> str:
    return f"best-{whole(epoch)}.ckpt"


def _name_of(best: Path, names: Set[str]) -> Path | None:
    """The name by its epoch of the state in ``best``; None if it is not among ``names``.

    The file itself is asked: the state that came second may have found no room, and after a kill a later one may lie
    there than the resumed run knows of.
    """
    held = epoch_of(best)
    return None if held is None or _runner_up(held) not in names else best.with_name(_runner_up(held))


def epoch_of(file: Path) -> float | None:
    """The epoch of the state in a checkpoint, or None where that cannot be read."""
    try:
        return position(torch.load(file, map_location="cpu", weights_only=True, mmap=True)).epoch
    except Exception:  # there is none yet, or a damaged one, which can fail anywhere
        return None


@torch.no_grad()
def _finite(module: LightningModule) -> bool:
    """Whether all parameters are finite, in one synchronisation."""
    finite = [parameter.isfinite().all() for parameter in module.parameters()]
    return not finite or bool(torch.stack(finite).all())
