"""How far a download is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 30.0


class FetchProgress:
    """A context in which :meth:`reached` shows how many bytes have come.

    name: what is fetched.
    start: bytes that were there before.
    total: bytes of the whole, or None where nobody knows.
    """

    def __init__(self, name: str, start: int, total: int | None) -> None:
        self.name, self.start, self.total = name, start, total
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._next_line = 0.0

    def __enter__(self) -> FetchProgress:
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=console, transient=True)
            self._task = self._bar.add_task(self.name, completed=self.start, total=self.total)
            self._bar.start()
        else:
            self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            log.info("%s: fetching %s", self.name, "" if self.total is None else f"{self.total / 1e6:.1f} MB")
        return self

    def reached(self, count: int) -> None:
        """Show that ``count`` bytes are here."""
        if self._bar is not None:
            self._bar.update(self._task, completed=count)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            share = "" if not self.total else f" ({count / self.total:.0%})"
            log.info("%s: %.1f MB are here%s", self.name, count / 1e6, share)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
