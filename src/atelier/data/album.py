"""Many image files decoded once, kept as one memory-mapped block."""

from __future__ import annotations

import functools
import json
import logging
import math
import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from torch import Tensor

from atelier.cachedir import cache_dir
from atelier.counted import counted
from atelier.data import cache, picture
from atelier.data.album_key import key_of
from atelier.data.names import few, few_reasons, printable
from atelier.data.ragged import Ragged
from atelier.data.write_out import written_out
from atelier.types import Mistake

log = logging.getLogger(__name__)

T = TypeVar("T")

# Each thread can hold a whole photograph in several forms.
_MOST_THREADS = 8

# Pictures that wait for those in front of them to be written, as threads that waited for a slow one of theirs would
# stand idle: no more than so many, and than so many bytes where every thread has one; and those that are written next.
_MOST_AHEAD, _BYTES_AHEAD = 32, 2**22

_UNREADABLE = "unreadable.txt"


class Album(NamedTuple):
    """The readable ones of some files: pixels ``[N, C, S, S]`` uint8, memory-mapped, and names in order."""

    pixels: Tensor
    names: list[str]


class RaggedAlbum(NamedTuple):
    """The readable ones of some files at sizes of their own, memory-mapped, and names in order.

    pixels: ``[N, C, H, W]`` uint8 where all sizes happen to be equal.
    """

    pixels: Tensor | Ragged
    names: list[str]


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


def open_album(files: Mapping[str, str | Path], shape: picture.Shape, what: str) -> Album:
    """The pictures of ``files`` (name to path), from the cache or decoded into it.

    A block is found again by names and contents of its files, and by ``shape``. Files that cannot be read are left
    out: a warning counts them, once in a process, and ``unreadable.txt`` in the block's folder lists each with its
    reason.

    what: the data as the user named it, for messages.

    Raises Mistake where no file can be read, or the cache cannot be written.
    """
    extent = (shape.channels, shape.image_size, shape.image_size)
    reader = Reader(partial(picture.read, shape=shape), asdict(shape), math.prod(extent))
    block, names = _opened(files, reader, what)
    return Album(torch.from_numpy(_mapped(block, (len(names), *extent))), names)


def open_ragged_album(files: Mapping[str, str | Path], reader: Reader, what: str) -> RaggedAlbum:
    """As :func:`open_album`, of pictures that keep the sizes that ``reader`` gives them."""
    block, names = _opened(files, reader, what)
    shapes: list[list[int]] = json.loads((block / "shapes.json").read_text())
    if all(shape == shapes[0] for shape in shapes):
        return RaggedAlbum(torch.from_numpy(_mapped(block, (len(names), *shapes[0]))), names)
    total = sum(channels * height * width for channels, height, width in shapes)
    return RaggedAlbum(Ragged(torch.from_numpy(_mapped(block, (total,))), torch.tensor(shapes)), names)


def _opened(files: Mapping[str, str | Path], reader: Reader, what: str) -> tuple[Path, list[str]]:
    """The block's folder, built where it was not, and the names of its pictures."""
    settings = [picture.DECODING, picture.most_pixels(), dict(reader.settings)]
    block = cache_dir("images", key_of(files, settings, _threads(), picture.most_bytes()))
    # A block is whole wherever it exists, so readers need no lock (and may have no right to make one).
    if not block.is_dir():
        with cache.lock(block.name):
            if not block.is_dir():
                _build(block, files, reader, what)
    _say_lost(block, what)
    return block, json.loads((block / "names.json").read_text())


def _mapped(block: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    # Copy on write: torch warns of arrays that cannot be written to, and nobody writes to this one.
    return np.memmap(block / "pixels.u8", np.uint8, mode="c", shape=shape)


def _build(block: Path, files: Mapping[str, str | Path], reader: Reader, what: str) -> None:
    log.info("%s: decoding %d images into %s", what, len(files), block)
    with cache.whole(block) as building:
        _decode(files, reader, building, what)


@functools.cache
def _say_lost(block: Path, what: str) -> None:
    """Warn of the files that could not be read: also those who find the block made, but nobody twice."""
    listed = block / _UNREADABLE
    if listed.exists():
        lost = [" (".join(line.split("\t")) + ")" for line in listed.read_text(encoding="utf-8").splitlines()]
        left_out = f"{counted(len(lost), 'image')} cannot be read and {'is' if len(lost) == 1 else 'are'} left out"
        log.warning("%s: %s, listed in %s: %s", what, left_out, listed, few(lost))


def _decode(files: Mapping[str, str | Path], reader: Reader, building: Path, what: str) -> None:
    """Write the block's files."""
    names: list[str] = []
    shapes: list[tuple[int, ...]] = []
    unreadable: dict[str, str] = {}
    with written_out(building / "pixels.u8") as append:
        for name, found in _watched(_read_all(files, reader), len(files), what):
            if isinstance(found, str):
                unreadable[name] = found
            else:
                append(found.data)
                names.append(name)
                shapes.append(found.shape)
    if not names:
        raise Mistake(f"{what}: none of its {len(files)} images can be read: {few_reasons(unreadable)}")
    (building / "names.json").write_text(json.dumps(names))
    (building / "shapes.json").write_text(json.dumps(shapes))
    if unreadable:
        lines = "".join(f"{printable(name)}\t{printable(reason)}\n" for name, reason in unreadable.items())
        (building / _UNREADABLE).write_text(lines, encoding="utf-8")


def _watched(items: Iterator[T], total: int, what: str) -> Iterable[T]:
    """``items``, with a bar of how many have passed where somebody sits at a terminal."""
    console = Console(stderr=True)
    said = escape(f"{what}: decoding")
    return track(items, said, total, console=console, transient=True, disable=not console.is_terminal)


def _threads() -> int:
    return min(os.cpu_count() or 1, _MOST_THREADS)


def _read_all(files: Mapping[str, str | Path], reader: Reader) -> Iterator[tuple[str, NDArray[np.uint8] | str]]:
    """Each file's pixels, or the reason why it has none, in order."""

    def attempt(name: str) -> NDArray[np.uint8] | str:
        try:
            return reader.read(Path(files[name]))
        except Exception as error:  # A broken file can raise anything out of a decoder.
            return " ".join(str(error).split()) or type(error).__name__

    def attempt_all(part: list[str]) -> list[tuple[str, NDArray[np.uint8] | str]]:
        return [(name, attempt(name)) for name in part if not broken_off.is_set()]

    names, threads, broken_off = list(files), _threads(), threading.Event()
    ahead = reader.ahead(threads)
    # A thread takes several pictures at a time, as to be handed each small one would cost a part of its time; but not
    # so many that others stand idle at the end.
    together = max(1, min(ahead // (2 * threads), len(names) // (4 * threads)))
    waiting: deque[Future[list[tuple[str, NDArray[np.uint8] | str]]]] = deque()
    # What Pillow warns of (a broken EXIF block, a size near its own limit) is harmless or refused by us.
    # Threads suffice, as decoders do not hold the interpreter.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(threads) as pool:
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
