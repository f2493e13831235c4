"""What a block of decoded pictures is found again by: what is in their files, not where or when they were written."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from atelier.cachedir import cache_dir
from atelier.whole_file import write_text

Key = str

# Files that a thread looks at before it asks for more, and bytes below which a file is read at once.
_TOGETHER, _SMALL = 32, 2**20

# Files whose entries are put into a digest at a time.
_DIGESTED = 1000


def key_of(files: Mapping[str, str | Path], settings: Any, threads: int, most_bytes: int) -> Key:
    """The key of the decoded ``files`` (name to path): a function of names, contents and ``settings``.

    All files are read the first time. Later the key is found by names and states of the files alone: their system
    changes its own time of change (st_ctime) with every write, even where a tool sets the other times back.

    settings: all that decoding depends on besides, as JSON can hold it.
    most_bytes: of a file that is looked at; a larger one is known by its size, as it is not decoded either.
    """
    known = cache_dir("contents", _digest(settings, ((name, *_state(path)) for name, path in files.items())))
    if known.exists():
        return known.read_text(encoding="ascii")
    names = list(files)
    together = max(1, min(_TOGETHER, len(names) // threads))
    parts = [names[first : first + together] for first in range(0, len(names), together)]
    with ThreadPoolExecutor(threads) as pool:
        contents = pool.map(lambda part: [_content(Path(files[name]), most_bytes) for name in part], parts)
        key = _digest(settings, zip(names, chain.from_iterable(contents), strict=True))
    _remember(known, key)
    return key


def _digest(settings: Any, entries: Iterable[tuple[Any, ...]]) -> Key:
    """Of ``settings`` and of what is said of each file, a part of them at a time: there may be millions."""
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


def _content(path: Path, most_bytes: int) -> str:
    """A digest of the file's bytes, or what else it is."""
    try:
        if not path.is_file():  # a pipe would keep its reader waiting
            return "no file"
        if (size := path.stat().st_size) > most_bytes:
            return f"{size} bytes"
        with path.open("rb") as file:
            # Most processors have instructions for SHA-256. At once, as the buffer that a large file goes through takes
            # longer to make than a small one to read.
            found = hashlib.sha256(file.read()) if size < _SMALL else hashlib.file_digest(file, "sha256")
            return found.hexdigest()
    except OSError as error:
        return type(error).__name__


def _remember(known: Path, key: Key) -> None:
    """Write it down for the next time; where that fails, the files are read again then."""
    with suppress(OSError):
        write_text(known, key)
