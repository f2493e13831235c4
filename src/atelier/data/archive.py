"""Unpacking a stranger's zip archive without trusting it."""

from __future__ import annotations

import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

_MOST_MEMBERS = 200_000
_MOST_BYTES = 32 * 2**30

# Photographs do not shrink: a hundredfold is what nothing but a bomb reaches.
_MOST_RATIO = 100

_CHUNK = 1 << 20


class BadArchive(RuntimeError):
    """The archive is broken or dangerous; the text says how."""


def check_zip(path: Path) -> None:
    """Refuse what is no whole zip archive, or has a dangerous member (see :func:`unpack`). Raises BadArchive."""
    with path.open("rb") as file:
        head = file.read(512).lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise BadArchive("this is a web page (HTML), not a zip archive")
    if not zipfile.is_zipfile(path):
        truncated = head.startswith(b"pk")
        raise BadArchive("the zip archive is cut off" if truncated else "this is no zip archive")
    with _opened(path) as opened:
        list(_places(opened))


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of ``archive`` below ``folder``, which exists and is empty, and wait until the disk has them.

    Every byte is checked against its CRC. Nothing is written where any member is dangerous: one that would leave the
    folder, a link or a device, an encrypted or repeated name, or a bomb (too many members, too many bytes, or bytes
    that shrank too well).

    Raises BadArchive, and OSError where the disk is full.
    """
    with _opened(archive) as opened:
        places = dict(_places(opened))
        needed = sum(member.file_size for member in places)
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise OSError(f"the disk has {free / 1e9:.1f} GB free, and unpacking takes {needed / 1e9:.1f} GB")
        for member, place in places.items():
            _write(opened, member, folder / place)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as opened:
            yield opened
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BadArchive(f"the zip archive is broken: {error}") from error


def _places(opened: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files among the members, with their paths below the folder, once all of them are known to be harmless."""
    members = opened.infolist()
    if len(members) > _MOST_MEMBERS:
        raise BadArchive(f"{len(members)} members are more than {_MOST_MEMBERS}: a bomb?")
    claimed = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if claimed > _MOST_BYTES or claimed > _MOST_RATIO * max(packed, _CHUNK):
        raise BadArchive(f"{packed:,} bytes claim to hold {claimed:,}: a bomb?")
    seen: set[str] = set()
    for member in members:
        place = _harmless(member)
        # Two names that differ in case are one file on some machines.
        key = place.as_posix().casefold()
        if not member.is_dir():
            if key in seen:
                raise BadArchive(f"{member.filename!r} stands in it twice")
            seen.add(key)
            yield member, place


def _harmless(member: zipfile.ZipInfo) -> PurePosixPath:
    """The member's path below the folder. Raises BadArchive."""
    # zipfile cuts names at a null byte and, on Windows, turns backslashes: what the archive says counts.
    name = member.orig_filename
    parts = re.split(r"[/\\]", name)
    if "\0" in name or ".." in parts or not parts[0] or ":" in parts[0]:
        raise BadArchive(f"its member {name!r} would be written outside of its folder")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchive(f"its member {name!r} is a link or a device, not a file")
    if member.flag_bits & 1:
        raise BadArchive(f"its member {name!r} is encrypted")
    return PurePosixPath(*parts)


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, place.open("xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
        target.flush()
        os.fsync(target.fileno())
