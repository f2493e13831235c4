"""How far the run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from atelier.callback.clock import Clock
from atelier.callback.recorder import Row, board_of, clock_of
from atelier.callback.score_history import whole
from atelier.callback.words import speed
from atelier.types import Mistake

log = logging.getLogger(__name__)

_FASTEST = 1 / 8  # seconds between two drawings of the bar
_SLOWEST = 2.0
_SHARE = 0.004  # of the time may go into drawing: on a slow machine the bar moves less often


class ProgressLine(Callback):
    """Shows epoch, players' losses, images per second, the score, and the time that is left.

    On a terminal it is a bar; elsewhere a log line every ``every_n_seconds``. The losses are the last
    recorded means: nothing here waits for the device.

    terms: label → name of the training term that it shows.
    """

    def __init__(self, terms: Mapping[str, str], every_n_seconds: float) -> None:
        if every_n_seconds <= 0:
            raise Mistake(f"callback.progress.every_n_seconds={every_n_seconds}: must be above 0")
        self.terms, self.every_n_seconds = dict(terms), every_n_seconds
        self.console = Console(stderr=True)
        self._latest: dict[str, float] = {}
        self._next = 0.0
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._open = ExitStack()
        self._clock = Clock()

    def hear(self, trainer: Trainer, row: Row) -> None:
        """Keep the last means and scores; tell a validation's scores."""
        self._latest.update(row.scalars)
        board = board_of(trainer)
        counts = board is None or board.history.primary in row.scalars  # of several boards' rows, one is told
        if row.kind == "val" and counts and trainer.is_global_zero and trainer.state.fn == "fit":
            log.info("epoch %s · %s", _of(row.epoch, trainer.max_epochs), self._score(trainer) or "no score")

    # --- hooks ----------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the bar, if this is a terminal."""
        self._clock = clock_of(trainer)
        self._next = time.monotonic() + (0.0 if self.console.is_terminal else self.every_n_seconds)
        if not trainer.is_global_zero:
            self._next = math.inf
        elif self.console.is_terminal:
            try:
                self._begin(_total(trainer))
            except OSError:  # the terminal is gone
                self._close()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show where we are, if it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        if self._bar is None:
            self._next = now + self.every_n_seconds
            log.info("epoch %s · %s", _of(self._clock.epoch, trainer.max_epochs), self._words(trainer))
        else:
            self._draw(trainer, self._words(trainer))
            cost = time.monotonic() - now
            self._next = now + min(max(_FASTEST, cost / _SHARE), _SLOWEST)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say why the bar stands still."""
        if self._bar is not None:
            self._draw(trainer, "validating …")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the finished bar on the screen."""
        if self._bar is not None:
            self._draw(trainer, self._words(trainer))
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        self._close()

    # --- words ----------------------------------------------------------------------------------------------

    def _words(self, trainer: Trainer) -> str:
        losses = [f"{label} {self._latest[name]:.3f}" for label, name in self.terms.items() if name in self._latest]
        pace = f"{speed(self._clock.live_images_per_second)} images/s"
        return " · ".join([*losses, pace, *filter(None, [self._score(trainer)])])

    def _score(self, trainer: Trainer) -> str:
        board = board_of(trainer)
        standing = board and board.history.standing(board.history.primary)
        if not board or not standing:
            return ""
        best = f"best {standing.best:.4g} in epoch {whole(standing.best_epoch)}"
        return f"{board.history.primary} {standing.last:.4g} ({best})"

    def _begin(self, total: float | None) -> None:
        self._bar = _bar(self.console)
        self._task = self._bar.add_task("", total=total, completed=self._clock.step, epoch="", words="")
        self._open.enter_context(self._bar)
        self._open.enter_context(_loggers_above(self._bar))

    def _draw(self, trainer: Trainer, words: str) -> None:
        assert self._bar is not None
        epoch = _of(math.ceil(self._clock.epoch), trainer.max_epochs)
        self._bar.update(self._task, completed=self._clock.step, epoch=epoch, words=words)
        try:
            self._bar.refresh()
        except OSError:  # as above
            self._close()

    def _close(self) -> None:
        with suppress(OSError):  # as above
            self._open.close()
        self._bar = None


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("[bold]epoch {task.fields[epoch]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[words]}"),
        TimeRemainingColumn(compact=True),
        console=console,
        auto_refresh=False,
    )


def _total(trainer: Trainer) -> float | None:
    """Batches of the whole run, where both factors are known."""
    epochs, batches = trainer.max_epochs, trainer.num_training_batches
    bounded = epochs is not None and epochs > 0 and math.isfinite(batches)
    return epochs * batches if epochs is not None and bounded else None


def _of(epoch: float, epochs: int | None) -> str:
    shown = whole(round(epoch, 2))
    return f"{shown}/{epochs}" if epochs is not None and epochs > 0 else f"{shown}"


@contextmanager
def _loggers_above(bar: Progress) -> Iterator[None]:
    """Let log lines that go to the terminal appear above the bar instead of through it."""
    # The bar has put its own streams in place of sys.stdout and sys.stderr; handlers hold the former ones.
    places = {sys.__stdout__: sys.stdout, sys.__stderr__: sys.stderr}
    moved = []
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream in places:
            moved.append((handler, handler.setStream(places[handler.stream])))
    try:
        yield
    finally:
        for handler, former in moved:
            if former is not None:
                handler.setStream(former)
