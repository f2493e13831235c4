"""A progress bar for long tasks: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from atelier.callback.words import duration

log = logging.getLogger(__name__)

_SECONDS_BETWEEN = 10.0

T = TypeVar("T")


def track(items: Sequence[T], what: str) -> Iterator[T]:
    """``items`` one after the other; ``what`` they are is said with how many are done and the time that is left."""
    console = Console(stderr=True)
    yield from _with_bar(items, what, console) if console.is_terminal else _with_lines(items, what)


def _with_bar(items: Sequence[T], what: str, console: Console) -> Iterator[T]:
    columns = (BarColumn(bar_width=32), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console) as bar:
        yield from bar.track(items)


def _with_lines(items: Sequence[T], what: str) -> Iterator[T]:
    started = spoken = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - spoken >= _SECONDS_BETWEEN:
            spoken = now
            left = (now - started) / done * (len(items) - done)
            log.info("%s of %s %s, %s left", f"{done:,}", f"{len(items):,}", what, duration(left))
        yield item
