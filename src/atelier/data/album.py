"""Many image files decoded once, kept as one memory-mapped block."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atelier.cachedir import cache_dir
from atelier.data import cache, picture
from atelier.types import Mistake

log = logging.getLogger(__name__)

# To be raised when decoding changes, so that older blocks are not taken for new ones.
_VERSION = 1

# Pictures decoded together; the next ones wait until these are written.
_AT_ONCE = 256

_UNREADABLE = "unreadable.txt"

# Unreadable files that a message names.
_SHOWN = 3


class Album(NamedTuple):
    """The readable ones of some files: pixels ``[N, C, S, S]`` uint8, memory-mapped, and names in order."""

    pixels: Tensor
    names: list[str]


def open_album(files: Mapping[str, Path], shape: picture.Shape, what: str) -> Album:
    """The pictures of ``files`` (name to path), from the cache or decoded into it.

    A block is found again by names, sizes and times of change of its files, and by ``shape``. Files that
    cannot be read are left out: a warning counts them, and ``unreadable.txt`` in the block's folder lists
    each with its reason.

    what: the data as the user named it, for messages.

    Raises Mistake where no file can be read, or the cache cannot be written.
    """
    block = cache_dir("images", _key(files, shape))
    # A block is whole wherever it exists, so readers need no lock (and may have no right to make one).
    if not block.is_dir():
        with cache.lock(block.name):
            if not block.is_dir():
                _build(block, files, shape, what)
    names = json.loads((block / "names.json").read_text())
    extent = (len(names), shape.channels, shape.image_size, shape.image_size)
    # Copy on write: torch warns of arrays that cannot be written to, and nobody writes to this one.
    pixels = np.memmap(block / "pixels.u8", np.uint8, mode="c", shape=extent)
    return Album(torch.from_numpy(pixels), names)


def _key(files: Mapping[str, Path], shape: picture.Shape) -> str:
    words = json.dumps([_VERSION, asdict(shape), [[name, *_state(path)] for name, path in files.items()]])
    return hashlib.blake2b(words.encode(), digest_size=10).hexdigest()


def _state(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:  # A link that leads nowhere: to be listed among the unreadable.
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _build(block: Path, files: Mapping[str, Path], shape: picture.Shape, what: str) -> None:
    log.info("%s: decoding %d images into %s", what, len(files), block)
    with cache.whole(block) as building:
        unreadable = _decode(files, shape, building, what)
    if unreadable:
        listed = f"listed in {block / _UNREADABLE}: {_few(unreadable)}"
        log.warning("%s: %d images cannot be read and are left out, %s", what, len(unreadable), listed)


def _decode(files: Mapping[str, Path], shape: picture.Shape, building: Path, what: str) -> dict[str, str]:
    """Write the block's files; returns the unreadable files with their reasons."""
    names: list[str] = []
    unreadable: dict[str, str] = {}
    with (building / "pixels.u8").open("wb") as pixels:
        for name, found in _read_all(files, shape):
            if isinstance(found, str):
                unreadable[name] = found
            else:
                pixels.write(found.tobytes())
                names.append(name)
    if not names:
        raise Mistake(f"{what}: none of its {len(files)} images can be read: {_few(unreadable)}")
    (building / "names.json").write_text(json.dumps(names))
    if unreadable:
        lines = "".join(f"{name}\t{reason}\n" for name, reason in unreadable.items())
        # A file's name need not be valid text.
        (building / _UNREADABLE).write_text(lines, encoding="utf-8", errors="backslashreplace")
    return unreadable


def _read_all(files: Mapping[str, Path], shape: picture.Shape) -> Iterator[tuple[str, NDArray[np.uint8] | str]]:
    """Each file's pixels, or the reason why it has none, in order."""

    def attempt(name: str) -> NDArray[np.uint8] | str:
        try:
            return picture.read(files[name], shape)
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
