"""Many files read by threads: in order, and a bounded number of them ahead."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atelier.data.picture import content_of
from atelier.types import Mistake

# Each thread can hold a whole photograph in several forms.
_MOST_THREADS = 8

# Pictures that wait for those in front of them to be written, as threads that waited for a slow one of theirs would
# stand idle: no more than so many, and than so many bytes where every thread has one; and those that are written next.
_MOST_AHEAD, _BYTES_AHEAD = 32, 2**22

# What is wrong with the machine or the network rather than with a file, which would be left out for good.
_PASSING = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT}


@dataclass(frozen=True, slots=True)
class Decoder:
    """How the content of a file becomes a picture.

    decode: the picture, ``[C, H, W]`` uint8.
    settings: all that the outcome depends on besides the content: what a block is found again by.
    size: bytes of every picture, None where they differ.
    """

    decode: Callable[[bytes], NDArray[np.uint8]]
    settings: Mapping[str, Any]
    size: int | None = None

    def ahead(self, threads: int) -> int:
        """How many pictures wait behind the one that is written next."""
        return threads if self.size is None else max(threads, min(_MOST_AHEAD, _BYTES_AHEAD // self.size))


class Found(NamedTuple):
    """One file.

    name: as it was given.
    content: a digest of its bytes, or the reason why they cannot be had.
    picture: as it was decoded, or the reason why there is none.
    """

    name: str
    content: str
    picture: NDArray[np.uint8] | str


def read_all(files: Mapping[str, str | Path], decoder: Decoder) -> Iterator[Found]:
    """Each of ``files`` (name to path), in order.

    Raises Mistake where the machine, and not a file, keeps it from being read.
    """
    names, threads, broken_off = list(files), _threads(), threading.Event()
    ahead = decoder.ahead(threads)

    def look_at(part: list[str]) -> list[Found]:
        return [_found(name, Path(files[name]), decoder) for name in part if not broken_off.is_set()]

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


def _found(name: str, path: Path, decoder: Decoder) -> Found:
    digest = ""
    try:
        with content_of(path) as content:
            digest = hashlib.sha256(content).hexdigest()  # most processors have instructions for it
            return Found(name, digest, decoder.decode(content))
    except Exception as error:  # A broken file can raise anything out of a decoder.
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _PASSING):
            raise Mistake(f"{path}: cannot be read now ({reason}); if that stays so, take the file away") from error
        return Found(name, digest or reason, reason)
