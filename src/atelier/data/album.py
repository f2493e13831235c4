"""Many image files decoded once, kept as one memory-mapped block."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atelier.cachedir import cache_dir
from atelier.data import cache, picture
from atelier.data.ragged import Ragged
from atelier.types import Mistake

log = logging.getLogger(__name__)

# To be raised when decoding changes, so that older blocks are not taken for new ones.
_VERSION = 1

# Pictures decoded together, which may be whole photographs; the next ones wait until these are written.
_AT_ONCE = 32

_UNREADABLE = "unreadable.txt"

# Unreadable files that a message names.
_SHOWN = 3


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
    """

    read: Callable[[Path], NDArray[np.uint8]]
    settings: Mapping[str, Any]


def open_album(files: Mapping[str, Path], shape: picture.Shape, what: str) -> Album:
    """The pictures of ``files`` (name to path), from the cache or decoded into it.

    A block is found again by names, sizes and times of change of its files, and by ``shape``. Files that
    cannot be read are left out: a warning counts them, and ``unreadable.txt`` in the block's folder lists
    each with its reason.

    what: the data as the user named it, for messages.

    Raises Mistake where no file can be read, or the cache cannot be written.
    """
    block, names = _opened(files, Reader(partial(picture.read, shape=shape), asdict(shape)), what)
    extent = (len(names), shape.channels, shape.image_size, shape.image_size)
    return Album(torch.from_numpy(_mapped(block, extent)), names)


def open_ragged_album(files: Mapping[str, Path], reader: Reader, what: str) -> RaggedAlbum:
    """As :func:`open_album`, of pictures that keep the sizes that ``reader`` gives them."""
    block, names = _opened(files, reader, what)
    shapes: list[list[int]] = json.loads((block / "shapes.json").read_text())
    if all(shape == shapes[0] for shape in shapes):
        return RaggedAlbum(torch.from_numpy(_mapped(block, (len(names), *shapes[0]))), names)
    total = sum(channels * height * width for channels, height, width in shapes)
    return RaggedAlbum(Ragged(torch.from_numpy(_mapped(block, (total,))), torch.tensor(shapes)), names)


def _opened(files: Mapping[str, Path], reader: Reader, what: str) -> tuple[Path, list[str]]:
    """The block's folder, built where it was not, and the names of its pictures."""
    block = cache_dir("images", _key(files, reader.settings))
    # A block is whole wherever it exists, so readers need no lock (and may have no right to make one).
    if not block.is_dir():
        with cache.lock(block.name):
            if not block.is_dir():
                _build(block, files, reader, what)
    return block, json.loads((block / "names.json").read_text())


def _mapped(block: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    # Copy on write: torch warns of arrays that cannot be written to, and nobody writes to this one.
    return np.memmap(block / "pixels.u8", np.uint8, mode="c", shape=shape)


def _key(files: Mapping[str, Path], settings: Mapping[str, Any]) -> str:
    words = json.dumps([_VERSION, settings, [[name, *_state(path)] for name, path in files.items()]])
    return hashlib.blake2b(words.encode(), digest_size=10).hexdigest()


def _state(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:  # A link that leads nowhere: to be listed among the unreadable.
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _build(block: Path, files: Mapping[str, Path], reader: Reader, what: str) -> None:
    log.info("%s: decoding %d images into %s", what, len(files), block)
    with cache.whole(block) as building:
        unreadable = _decode(files, reader, building, what)
    if unreadable:
        listed = f"listed in {block / _UNREADABLE}: {_few(unreadable)}"
        log.warning("%s: %d images cannot be read and are left out, %s", what, len(unreadable), listed)


def _decode(files: Mapping[str, Path], reader: Reader, building: Path, what: str) -> dict[str, str]:
    """Write the block's files; returns the unreadable files with their reasons."""
    names: list[str] = []
    shapes: list[tuple[int, ...]] = []
    unreadable: dict[str, str] = {}
    with (building / "pixels.u8").open("wb") as pixels:
        for name, found in _read_all(files, reader):
            if isinstance(found, str):
                unreadable[name] = found
            else:
                pixels.write(found.tobytes())
                names.append(name)
                shapes.append(found.shape)
    if not names:
        raise Mistake(f"{what}: none of its {len(files)} images can be read: {_few(unreadable)}")
    (building / "names.json").write_text(json.dumps(names))
    (building / "shapes.json").write_text(json.dumps(shapes))
    if unreadable:
        lines = "".join(f"{name}\t{reason}\n" for name, reason in unreadable.items())
        # A file's name need not be valid text.
        (building / _UNREADABLE).write_text(lines, encoding="utf-8", errors="backslashreplace")
    return unreadable


def _read_all(files: Mapping[str, Path], reader: Reader) -> Iterator[tuple[str, NDArray[np.uint8] | str]]:
    """Each file's pixels, or the reason why it has none, in order."""

    def attempt(name: str) -> NDArray[np.uint8] | str:
        try:
            return reader.read(files[name])
        except Exception as error:  # A broken file can raise anything out of a decoder.
            return " ".join(str(error).split()) or type(error).__name__

    names = list(files)
    # What Pillow warns of (a broken EXIF block, a size near its own limit) is harmless or refused by us.
    # Threads suffice, as it decodes without holding the interpreter.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            yield from zip(some, pool.map(attempt, some), strict=True)


def _few(unreadable: Mapping[str, str]) -> str:
    first = ", ".join(f"{name} ({reason})" for name, reason in list(unreadable.items())[:_SHOWN])
    text = first + (" ..." if len(unreadable) > _SHOWN else "")
    return text.encode(errors="backslashreplace").decode()
