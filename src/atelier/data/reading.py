"""Many files read by threads: in order, and a bounded number of them ahead."""

from __future__ import annotations

import os
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from atelier.data.decoder import Decoder, Found, found_in

# Each thread can hold a whole photograph in several forms.
_MOST_THREADS = 8

# Pictures that wait for those in front of them to be written, as threads that waited for a slow one of theirs would
# stand idle: no more than so many, and than so many bytes where every thread has one; and those that are written next.
_MOST_AHEAD, _BYTES_AHEAD = 32, 2**22


def read_all(files: Mapping[str, str | Path], decoder: Decoder) -> Iterator[Found]:
    """Each of ``files`` (name to path), in order.

    Raises Mistake where the machine, and not a file, keeps it from being read.
    """
    names, threads, broken_off = list(files), _threads(), threading.Event()
    ahead = _ahead(decoder, threads)

    def look_at(part: list[str]) -> list[Found]:
        wanted = ((name, Path(files[name])) for name in part if not broken_off.is_set())
        return list(found_in(wanted, decoder))

    # A thread takes several pictures at a time, as to be handed each small one would cost a part of its time; but not
    # so many that others stand idle at the end.
    together = max(1, min(ahead // (2 * threads), len(names) // (4 * threads)))
    waiting: deque[Future[list[Found]]] = deque()
    # What Pillow warns of (a broken EXIF block, a size near its own limit) is harmless or refused by us.
    # Threads suffice, as decoders do not hold the interpreter.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(threads) as pool:
        try:
            for first in range(0, len(names), together):
                waiting.append(pool.submit(look_at, names[first : first + together]))
                if len(waiting) > ahead // together:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:  # whoever breaks off does not wait for what nobody has begun with
            broken_off.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _threads() -> int:
    return min(os.cpu_count() or 1, _MOST_THREADS)


def _ahead(decoder: Decoder, threads: int) -> int:
    """How many pictures wait behind the one that is written next."""
    return threads if decoder.size is None else max(threads, min(_MOST_AHEAD, _BYTES_AHEAD // decoder.size))
