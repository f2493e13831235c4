"""checkpoints/last.ckpt, checkpoints/best.ckpt and the runners-up."""

from __future__ import annotations

import time
from collections.abc import Set
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from atelier.callback.atomic import unsaved
from atelier.callback.divergence import bad_terms, diverged, finite
from atelier.callback.kept_state import epoch_of
from atelier.callback.pause import ASK_EVERY, between_batches
from atelier.callback.recorder import Row, board_of, clock_of
from atelier.callback.score_history import whole
from atelier.callback.trainer_parts import run_of
from atelier.types import Mistake
from atelier.whole_file import linked, sweep


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
        run = run_of(trainer)
        if trainer.is_global_zero:
            for place in (run.path, run.checkpoints, run.samples):
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
            for epoch in {row["epoch"] for row in history.rows}:  # other names are the user's own
                if _runner_up(epoch) not in runners_up:
                    (run_of(trainer).checkpoints / _runner_up(epoch)).unlink(missing_ok=True)

    def _save_first(self, trainer: Trainer, pl_module: LightningModule, now: float, runners_up: Set[str]) -> None:
        """Write best.ckpt; what lay there before stays under its epoch's name, if that is among ``runners_up``."""
        best = run_of(trainer).best
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
        if not finite(pl_module):
            self._lost = True
            raise diverged(trainer, "a weight")
        trainer.save_checkpoint(run_of(trainer).checkpoints / f"{name}.ckpt", weights_only=False)
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
