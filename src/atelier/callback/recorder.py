"""From a dictionary of scalars to every place that wants to know."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, runtime_checkable

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.loggers.logger import Logger

from atelier.callback.clock import Clock
from atelier.callback.score_history import Board
from atelier.callback.trainer_parts import callbacks_of
from atelier.reason import told
from atelier.types import Mistake

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One logged moment.

    kind: "train" for means of training terms, "val" for scores.
    step, images_seen, epoch: the position (see :class:`atelier.callback.clock.Clock`).
    """

    kind: Literal["train", "val"]
    step: int
    images_seen: int
    epoch: float
    scalars: Mapping[str, float]


@runtime_checkable
class Listener(Protocol):
    """An observer that wants to be told of every row."""

    def hear(self, trainer: Trainer, row: Row) -> None:
        """Take notice of ``row``; called on every rank with the same values."""
        ...


def companion(trainer: Trainer, kind: type[T]) -> T | None:
    """The trainer's callback of that class, if it has one."""
    return next((callback for callback in callbacks_of(trainer) if isinstance(callback, kind)), None)


def boards_of(trainer: Trainer) -> list[Board]:
    """All boards of the trainer, in their order."""
    return [callback for callback in callbacks_of(trainer) if isinstance(callback, Board)]


def board_of(trainer: Trainer) -> Board | None:
    """The trainer's first board, which has the figure that counts, or None."""
    return next(iter(boards_of(trainer)), None)


def clock_of(trainer: Trainer) -> Clock:
    """The run's clock, without which nothing can be dated."""
    clock = companion(trainer, Clock)
    if clock is None:
        raise Mistake("callback.clock is missing: the other callbacks read the run's position from it")
    return clock


def record(trainer: Trainer, kind: Literal["train", "val"], scalars: Mapping[str, float]) -> None:
    """Send one row to all loggers (``epoch`` and ``images_seen`` in it), then to all listening callbacks."""
    clock = clock_of(trainer)
    row = Row(kind, clock.step, clock.images_seen, round(clock.epoch, 6), scalars)
    if trainer.is_global_zero:
        told = {"epoch": row.epoch, "images_seen": row.images_seen, **scalars}
        tell(trainer, lambda logger: logger.log_metrics(told, step=row.step))
    for callback in callbacks_of(trainer):
        if isinstance(callback, Listener):
            callback.hear(trainer, row)


def publish(trainer: Trainer, pl_module: LightningModule, board: Board, figures: Mapping[str, float]) -> None:
    """Date the figures that ``board`` has taken, keep them in its history, and tell everybody."""
    clock = clock_of(trainer)
    board.scored_at = clock.step
    board.history.add(round(clock.epoch, 6), figures)
    for name, value in figures.items():
        # For Lightning's own callbacks, such as EarlyStopping(monitor="val/fd_digits").
        pl_module.log(name, value, logger=False, sync_dist=True)
    record(trainer, "val", figures)


def tell(trainer: Trainer, hand: Callable[[Logger], object]) -> None:
    """Do ``hand`` with every logger. One that fails is left out from then on: a run is worth more than its curves."""
    for logger in trainer.loggers:
        try:
            hand(logger)
        except Exception as error:  # somebody else's logger can raise anything
            log.warning("%s failed (%s); training goes on without it", type(logger).__name__, told(error))
            trainer.loggers = [other for other in trainer.loggers if other is not logger]
