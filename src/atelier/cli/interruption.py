"""Ctrl-C while nothing is under way yet."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from atelier.leader import LEADER
from atelier.status import INTERRUPTED


@contextmanager
def leaving_quietly() -> Iterator[None]:
    """Leave with its status, and say nothing, where Ctrl-C ends this block."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def left_to_the_leader() -> None:
    """In a process that follows another: Ctrl-C is for that one, which decides what it means for all.

    Before anything slow: one that Ctrl-C ended would have Lightning kill the leader, in the middle of its answer.
    """
    if LEADER in os.environ:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
