"""Which pictures there are to translate, and where each goes."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from atelier.data.folder import image_files
from atelier.types import Mistake

SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
"""Endings by which pictures are found and kept, and the formats that they stand for."""


class Job(NamedTuple):
    """A picture's name below the input folder, its file, and the file of its translation."""

    name: str
    source: Path
    target: Path


def find_jobs(place: str, output: Path) -> list[Job]:
    """The pictures that ``place`` means (a file, a folder and what lies below it, or a pattern), in order of names.

    Names are kept, with the folders below ``place`` or below the fixed part of the pattern; a single file without a
    picture's ending gets ``.png`` added. What lies in ``output`` is not taken for input where ``output`` lies
    inside.

    Raises:
        Mistake: if there is nothing, or a translation would stand in the place of its picture.
    """
    path = Path(place).expanduser()
    if path.is_file():
        name = path.name if path.suffix.lower() in SUFFIXES else f"{path.name}.png"
        found, base = {name: path}, path.parent
    elif path.is_dir():
        found, base = {name: path / name for name in image_files(path)}, path
    elif glob.has_magic(place):
        base, pattern = _split(path)
        found = {file.relative_to(base).as_posix(): file for file in _matches(base, pattern)}
    else:
        raise Mistake(f"input={place}: there is no such file or folder")
    inside = output.resolve()
    if inside != base.resolve() and inside.is_relative_to(base.resolve()):
        found = {name: file for name, file in found.items() if not file.parent.resolve().is_relative_to(inside)}
    if not found:
        where = "in this folder or below it" if path.is_dir() else "is matched by this pattern"
        raise Mistake(f"input={place}: no JPEG, PNG or WebP file {where}")
    jobs = [Job(name, file, output / name) for name, file in sorted(found.items())]
    if same := next((job for job in jobs if job.source.resolve() == job.target.resolve()), None):
        raise Mistake(f"output={output}: {same.name} would be written over its source; choose another folder")
    return jobs


def _split(path: Path) -> tuple[Path, str]:
    """The folder before the first wildcard, and the pattern from there on."""
    first = next(number for number, part in enumerate(path.parts) if glob.has_magic(part))
    return Path(*path.parts[:first]), "/".join(path.parts[first:])


def _matches(base: Path, pattern: str) -> Iterator[Path]:
    """Pictures that a pattern matches, and those in and below the folders that it matches."""
    for match in base.glob(pattern):
        if match.is_dir():
            yield from (match / name for name in image_files(match))
        elif match.suffix.lower() in SUFFIXES and not match.name.startswith("."):
            yield match
