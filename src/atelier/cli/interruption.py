"""Ctrl-C while nothing is under way yet: the process leaves with its status and says nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from atelier.status import INTERRUPTED


@contextmanager
def leaving_quietly() -> Iterator[None]:
    """Leave with its status where Ctrl-C ends this block."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
