"""Files that are there whole or not at all.

For folders see :func:`atelier.data.cache.whole`: a rename puts none in another's place. A download keeps its half, as
the beginning of the next attempt: :class:`atelier.data.fetch_part.Part`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_MARK = "tmp-"


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose bytes stand at ``path`` once the block ends well; else ``path`` is as it was.

    Who reads meanwhile finds the old file or the new one; of several who write at once, in threads, processes or on
    other machines, the last one's stands. It is on the disk before it has its name, so that a power cut leaves a whole
    file as well.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Put ``text`` (UTF-8, ends of lines as they are) in the place of whatever ``path`` held."""
    with replacing(path) as stream:
        stream.write(text.encode())


def put(file: Path, place: Path) -> None:
    """Have the content of ``file`` stand at ``place`` as well, in the place of whatever that held."""
    if linked(file, place):
        sync_folder(place.parent)
        return
    with file.open("rb") as content, replacing(place) as stream:
        shutil.copyfileobj(content, stream)


def linked(file: Path, name: Path) -> bool:
    """Give ``file`` the second name ``name``, in the place of whatever has it; whether its system knows of such."""
    temporary = _beside(name)
    try:
        os.link(file, temporary)
    except OSError:
        return False
    temporary.replace(name)
    temporary.unlink(missing_ok=True)  # it stays where both were names of one file already
    return True


def sync_folder(folder: Path) -> None:
    """Wait until the disk knows what ``folder`` holds: only then does a rename in it survive a power cut."""
    with contextlib.suppress(OSError):  # not every system opens folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written in ``folder``, in which nobody else may be writing."""
    for stale in folder.glob(f".*.{_MARK}*"):
        stale.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """A name for ``path`` until it is whole, that nobody else takes.

    In the same folder: a rename between file systems is a copy, which can be cut short.
    """
    # A name can be as long as the system allows already.
    return path.with_name(f".{path.name[:50]}.{_MARK}{secrets.token_hex(6)}")
