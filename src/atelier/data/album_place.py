"""Where decoded pictures lie: found again by what is in their files, not by where or when these were written."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from atelier.cachedir import cache_dir
from atelier.data.decoder import Decoder
from atelier.data.reading import read_all
from atelier.whole_file import write_text

# Files whose entries are put into a digest at a time: there may be millions.
_DIGESTED = 1000

_CONTENTS = "contents"

# Of whose files the contents alone are asked for.
_UNDECODED = Decoder(lambda content: np.empty((1, 1, 1), np.uint8), lambda levels: levels, {}, 1)


class Contents:
    """A digest of what is in files, to which they are added one by one."""

    def __init__(self) -> None:
        self._found = hashlib.blake2b(digest_size=20)

    def add(self, content: str) -> None:
        """The next file's, as :class:`~atelier.data.decoder.Found` has it."""
        self._found.update(f"{content}\n".encode())

    def write(self, block: Path) -> None:
        """Leave it in ``block``, which is found by it."""
        (block / _CONTENTS).write_text(self._found.hexdigest(), encoding="ascii")

    def are_those_of(self, block: Path) -> bool:
        """Whether ``block`` was made of files with the same contents."""
        with suppress(OSError):
            return (block / _CONTENTS).read_text(encoding="ascii") == self._found.hexdigest()
        return False


class Place:
    """Where the decoded ``files`` (name to path) lie, or will.

    A block is named after what is known of its files without reading them. Those it was made of are known again by
    their states: their system changes its own time of change (st_ctime) with every write, even where a tool sets the
    other times back. Others are read, where there is a block of files with the same names and sizes, to see whether
    they are copies. So files that were never seen are read once, as they are decoded.

    settings: all that decoding depends on besides, as JSON can hold it.
    """

    def __init__(self, files: Mapping[str, str | Path], settings: Any) -> None:
        self.files, self.settings = files, settings
        self._state = _digest(settings, ((name, *_state(path)) for name, path in files.items()))

    @cached_property
    def sketch(self) -> str:
        """What all blocks of files with these names and sizes have in their names."""
        return _digest(self.settings, ((name, *_state(path)[2:3]) for name, path in self.files.items()))

    @property
    def new(self) -> Path:
        """The block to be made."""
        return cache_dir("images", f"{self.sketch}-{self._state}")

    def find(self) -> Path | None:
        """The block of these files, or of copies; None if there is none."""
        with suppress(OSError, ValueError):
            if _is_whole(known := cache_dir("images", self._known.read_text(encoding="ascii"))):
                return known
        for block in filter(_is_whole, cache_dir("images").glob(f"{self.sketch}-*")):
            if block == self.new or self._contents.are_those_of(block):
                self.remember(block)
                return block
        return None

    def remember(self, block: Path) -> None:
        """Know the files by their states the next time; where that cannot be written down, they are read again."""
        with suppress(OSError):
            write_text(self._known, block.name)

    @property
    def _known(self) -> Path:
        return cache_dir("states", self._state)

    @cached_property
    def _contents(self) -> Contents:
        contents = Contents()
        for found in read_all(self.files, _UNDECODED):
            contents.add(found.content)
        return contents


def _is_whole(block: Path) -> bool:
    """Whether ``block`` is there, and nobody has taken a part of it away since it was made."""
    return all((block / part).is_file() for part in ("pixels.u8", "names.json", "shapes.json"))


def _digest(settings: Any, entries: Iterable[tuple[Any, ...]]) -> str:
    """Of ``settings`` and of what is said of each file."""
    found = hashlib.blake2b(json.dumps(settings).encode(), digest_size=10)
    remaining = iter(entries)
    while part := list(islice(remaining, _DIGESTED)):
        found.update(json.dumps(part).encode())
    return found.hexdigest()


def _state(path: str | Path) -> tuple[int, ...]:
    try:
        stat = os.stat(path)  # noqa: PTH116  # to make a Path takes longer than to ask
    except OSError:  # a link that leads nowhere: to be listed among the unreadable
        return ()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
