"""Which pictures there are to translate, and where each goes."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import NamedTuple

from atelier.data.listing import LEADS_OUT, Listing, leads_out, list_images
from atelier.expanded import expanded
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
    picture's ending gets ``.png`` added. Links that lead out of a folder are not followed. What lies in ``output`` is
    not taken for input where ``output`` lies inside.

    Raises:
        Mistake: if there is nothing, or a translation would stand in the place of its picture.
    """
    path = expanded(place)
    base, listing = _listing(place)
    found = {name: base / name for name in listing.images}
    if path.is_file():
        base, found = path.parent, {path.name if path.suffix.lower() in SUFFIXES else f"{path.name}.png": path}
    inside = output.resolve()
    if inside != base.resolve() and inside.is_relative_to(base.resolve()):
        found = {name: file for name, file in found.items() if not file.parent.resolve().is_relative_to(inside)}
    if not found:
        where = "in this folder or below it" if path.is_dir() else "is matched by this pattern"
        beside = f"; {listing}" if listing.left_out else ""
        raise Mistake(f"input={place}: no JPEG, PNG or WebP file {where}{beside}")
    jobs = [Job(name, file, output / name) for name, file in sorted(found.items())]
    if same := next((job for job in jobs if os.path.realpath(job.source) == os.path.realpath(job.target)), None):
        raise Mistake(f"output={output}: {same.name} would be written over its source; choose another folder")
    return jobs


def passed_over(place: str) -> dict[str, str]:
    """What lies in the folder ``place``, or is matched by it, and is not translated, with the reasons."""
    return _listing(place)[1].left_out


def _listing(place: str) -> tuple[Path, Listing]:
    """What ``place`` means, and the folder that the names in it are below; nothing for a single file."""
    path = expanded(place)
    if path.exists():
        return path, list_images(path)
    if not glob.has_magic(place):
        raise Mistake(f"input={place}: there is no such file or folder")
    base, pattern = _split(path)
    return base, _matches(base, pattern)


def _split(path: Path) -> tuple[Path, str]:
    """The folder before the first wildcard, and the pattern from there on."""
    first = next(number for number, part in enumerate(path.parts) if glob.has_magic(part))
    return Path(*path.parts[:first]), "/".join(path.parts[first:])


def _matches(base: Path, pattern: str) -> Listing:
    """Pictures that a pattern matches, and those in and below folders that it matches, with paths below ``base``."""
    images: list[str] = []
    left_out: dict[str, str] = {}
    for match in base.glob(pattern):
        name = match.relative_to(base).as_posix()
        if leads_out(match, base):
            left_out[name] = LEADS_OUT
        elif match.is_dir():
            inner = list_images(match, within=base)
            images += [f"{name}/{image}" for image in inner.images]
            left_out |= {f"{name}/{other}": reason for other, reason in inner.left_out.items()}
        elif match.suffix.lower() in SUFFIXES and not match.name.startswith("."):
            images.append(name)
    return Listing(sorted(set(images)), dict(sorted(left_out.items())))
