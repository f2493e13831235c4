"""What lies in a folder of pictures, whoever filled it."""

from __future__ import annotations

import functools
import logging
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from atelier.data.names import few_reasons

log = logging.getLogger(__name__)

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

# Called like pictures, of kinds that are not read: to be named, lest anybody miss them.
_OTHERS = {".avif", ".bmp", ".gif", ".heic", ".heif", ".ico", ".jp2", ".jxl", ".svg", ".svgz", ".tif", ".tiff"}

# Entries that a message names: no file lists these.
_SHOWN = 50

LEADS_OUT = "a link that leads out of the folder"
"""Why a link is passed over."""


class Listing(NamedTuple):
    """The contents of a folder.

    images: paths below it, with "/" between folders, of what is called like JPEG, PNG or WebP and not hidden; sorted.
    left_out: what was passed over although it may be meant, with the reasons: pictures of other kinds, links that
        lead out, folders that cannot be opened.
    """

    images: list[str]
    left_out: dict[str, str]

    def __str__(self) -> str:
        """How many were left out, and the first of them."""
        verb = "is" if len(self.left_out) == 1 else "are"
        return f"{len(self.left_out):,} {verb} left out: {few_reasons(self.left_out, most=_SHOWN)}"


class Files(Mapping[str, str]):
    """Where the files of a folder are, by their paths below it.

    Joined when they are asked for, and no ``Path``: a million of these would take half a gigabyte, and seconds to make.
    """

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root, self.names = root, names

    def __getitem__(self, name: str) -> str:
        return f"{self.root}/{name}"

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@functools.cache
def warn_of_left_out(said: str) -> None:
    """Warn of what was passed over: a verb looks before it works as it does then, and nobody is told twice."""
    log.warning("%s", said)


def list_images(root: Path, within: Path | None = None) -> Listing:
    """What lies in ``root``, at any depth.

    Links lead to their targets, once, as long as these lie in ``within`` (by default ``root``): what a folder from
    somebody else points at elsewhere is none of its pictures. A ``root`` that is no folder holds nothing.
    """
    home = root if within is None else within
    images: list[str] = []
    left_out: dict[str, str] = {}
    if not root.is_dir():
        return Listing(images, left_out)
    if leads_out(root, home):
        return Listing(images, {".": LEADS_OUT})
    visited: set[tuple[int, int]] = set()
    waiting = deque([""])  # not by recursion: folders can be nested deeper than Python's stack
    while waiting:
        inner = waiting.pop()
        place = root / inner
        try:
            status = place.stat()
            if (status.st_dev, status.st_ino) in visited:  # a link can lead back to a folder above it
                continue
            visited.add((status.st_dev, status.st_ino))
            for entry in _entries(place):
                name = f"{inner}/{entry.name}" if inner else entry.name
                if entry.is_symlink() and leads_out(Path(entry.path), home):
                    left_out[name] = LEADS_OUT
                elif _is_folder(entry):
                    # Links wait until all else is done: what they lead to has a path of its own.
                    (waiting.appendleft if entry.is_symlink() else waiting.append)(name)
                elif (suffix := PurePath(entry.name).suffix.lower()) in _SUFFIXES:
                    images.append(name)
                elif suffix in _OTHERS:
                    left_out[name] = "not JPEG, PNG or WebP"
        except OSError as error:
            left_out[inner or "."] = f"cannot be opened: {error.strerror}"
    return Listing(sorted(images), dict(sorted(left_out.items())))


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        yield from (entry for entry in found if not hidden(entry.name))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: to be listed among what cannot be read
        return False


def leads_out(path: Path, home: Path) -> bool:
    """Whether ``path`` is, by links, outside of the folder ``home``."""
    return not PurePath(os.path.realpath(path)).is_relative_to(os.path.realpath(home))


def hidden(name: str) -> bool:
    """Whether nobody means that file or folder: archives made on a Mac carry things that only look like images."""
    return name.startswith(".") or name == "__MACOSX"
