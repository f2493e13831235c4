"""How long a server may say nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

SILENCE_SECONDS = 30.0
"""A firewall that swallows packets would otherwise hold a run for ever."""


@contextmanager
def patient() -> Iterator[None]:
    """A block whose connections, whoever makes them, give up a server that says nothing for SILENCE_SECONDS."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
