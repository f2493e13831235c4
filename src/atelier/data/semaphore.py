"""A bound on what all threads of a process do at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

# Shares smaller than the whole by this are not counted, so that threads need not wait for one another to count them.
_SMALL = 100


class WeightedSemaphore:
    """A counting semaphore: so much of something, of which a thread takes as much as it needs.

    whole: how much there is, but for shares of less than a hundredth.
    """

    def __init__(self, whole: int) -> None:
        self.whole = self.free = whole
        self._changed = Condition()

    @contextmanager
    def acquire(self, wanted: int) -> Iterator[None]:
        """A block that begins once ``wanted`` is free (or all of it, where that is less), and gives it back."""
        if wanted < self.whole // _SMALL:
            yield
            return
        share = min(wanted, self.whole)
        with self._changed:
            self._changed.wait_for(lambda: self.free >= share)
            self.free -= share
        try:
            yield
        finally:
            with self._changed:
                self.free += share
                self._changed.notify_all()
