"""Many files read by threads: in order, and a bounded number of them ahead."""

from __future__ import annotations

import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Each thread can hold a whole photograph in several forms.
_MOST_THREADS = 8

# Pictures that wait for those in front of them to be written, as threads that waited for a slow one of theirs would
# stand idle: no more than so many, and than so many bytes where every thread has one; and those that are written next.
_MOST_AHEAD, _BYTES_AHEAD = 32, 2**22

Found = tuple[str, NDArray[np.uint8] | str]
"""A file's name, and its pixels or the reason why it has none."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How a file becomes bytes.

    read: the file's picture, ``[C, H, W]`` uint8.
    settings: all that the outcome depends on besides the file: what a block is found again by.
    size: bytes of every picture, None where they differ.
    """

    read: Callable[[Path], NDArray[np.uint8]]
    settings: Mapping[str, Any]
    size: int | None = None

    def ahead(self, threads: int) -> int:
        """How many pictures wait behind the one that is written next."""
        return threads if self.size is None else max(threads, min(_MOST_AHEAD, _BYTES_AHEAD // self.size))


def threads() -> int:
    """How many read at a time."""
    return min(os.cpu_count() or 1, _MOST_THREADS)


def read_all(files: Mapping[str, str | Path], reader: Reader) -> Iterator[Found]:
    """Each of ``files`` (name to path) in order. A broken one has a reason in the place of its pixels."""
    names, ahead, broken_off = list(files), reader.ahead(threads()), threading.Event()

    def attempt_all(part: list[str]) -> list[Found]:
        return [(name, _attempted(reader, files[name])) for name in part if not broken_off.is_set()]

    # A thread takes several pictures at a time, as to be handed each small one would cost a part of its time; but not
    # so many that others stand idle at the end.
    together = max(1, min(ahead // (2 * threads()), len(names) // (4 * threads())))
    waiting: deque[Future[list[Found]]] = deque()
    # What Pillow warns of (a broken EXIF block, a size near its own limit) is harmless or refused by us.
    # Threads suffice, as decoders do not hold the interpreter.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(threads()) as pool:
        try:
            for first in range(0, len(names), together):
                waiting.append(pool.submit(attempt_all, names[first : first + together]))
                if len(waiting) > ahead // together:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:  # whoever breaks off does not wait for what nobody has begun with
            broken_off.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _attempted(reader: Reader, path: str | Path) -> NDArray[np.uint8] | str:
    try:
        return reader.read(Path(path))
    except Exception as error:  # A broken file can raise anything out of a decoder.
        return " ".join(str(error).split()) or type(error).__name__
