"""Unpacking a stranger's zip archive without trusting it."""

from __future__ import annotations

import os
import re
import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from atelier.reason import said

_MOST_MEMBERS = 200_000
_MOST_BYTES = 32 * 2**30

# Photographs do not shrink: a hundredfold is what nothing but a bomb reaches.
_MOST_RATIO = 100

# What every file system takes: bytes in a name, and folders around a file.
_LONGEST_NAME, _DEEPEST = 255, 64

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
        _places(opened, path.stat().st_size)


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of ``archive`` below ``folder``, which exists and is empty, and wait until the disk has them.

    Every byte is checked against its CRC. Nothing is written where any member is dangerous: one that would leave the
    folder, a link or a device, an encrypted or repeated name, or a bomb (too many members, too many bytes, or bytes
    that shrank too well).

    Raises BadArchive, and OSError where the disk is full.
    """
    with _opened(archive) as opened:
        places = dict(_places(opened, archive.stat().st_size))
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
    except (BadArchive, OSError):  # the latter are the system's own words: a full disk
        raise
    except Exception as error:  # a broken archive can raise anything out of its readers
        raise BadArchive(f"the zip archive is broken: {said(error)}") from error


def _places(opened: zipfile.ZipFile, size: int) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files among the members, with their paths below the folder, once all of them are known to be harmless.

    size: of the archive in bytes.
    """
    members = opened.infolist()
    if len(members) > _MOST_MEMBERS:
        raise BadArchive(f"{len(members)} members are more than {_MOST_MEMBERS}: a bomb?")
    claimed = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if claimed > _MOST_BYTES or claimed > _MOST_RATIO * max(packed, _CHUNK):
        raise BadArchive(f"{packed:,} bytes claim to hold {claimed:,}: a bomb?")
    if packed > size:
        raise BadArchive(f"{size:,} bytes claim to hold {packed:,} packed ones, so that members overlap: a bomb?")
    places = [(member, _harmless(member)) for member in members]
    files = [(member, place) for member, place in places if not member.is_dir()]
    # Two names that differ in case are one file on some machines.
    folders = {parent.as_posix().casefold() for _, place in files for parent in place.parents}
    seen: set[str] = set()
    for member, place in files:
        key = place.as_posix().casefold()
        if key in seen:
            raise BadArchive(f"{member.filename!r} stands in it twice")
        if key in folders:
            raise BadArchive(f"{member.filename!r} is a file and a folder in it")
        seen.add(key)
    return files


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
    if len(parts) > _DEEPEST or any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
        raise BadArchive(f"its member {name[:80]!r}... has a name that is too long")
    return PurePosixPath(*parts)


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, place.open("xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
        target.flush()
        os.fsync(target.fileno())
