"""What an earlier translation left in a folder, and whether this one may go on with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from atelier.task.jobs import Job
from atelier.types import Mistake
from atelier.whole_file import write_text

_NAME = "translate.json"


def check_settings(output: Path, settings: Mapping[str, Any], jobs: Sequence[Job]) -> None:
    """Find out whether what stands in ``output`` was made with the same settings.

    Raises:
        Mistake: if not, or if pictures stand there that no translation has made.
    """
    file = output / _NAME
    if not file.exists():
        there = [job.name for job in jobs if job.target.exists()]
        if there:
            raise Mistake(
                f"output={output}: {there[0]} is there already and no translation ({len(there)} of {len(jobs)} names "
                "are taken); choose another folder, or add overwrite=true"
            )
        return
    try:
        former = dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        former = {}
    differing = [
        f"{name}={json.dumps(former.get(name))}" for name, value in settings.items() if former.get(name) != value
    ]
    if differing:
        raise Mistake(
            f"output={output}: holds translations made with {', '.join(differing)}; choose another folder, or make "
            "them again with overwrite=true"
        )


def write_settings(output: Path, settings: Mapping[str, Any], *, anew: bool) -> float:
    """Write the settings down; returns the time before which nothing counts as made with them.

    anew: whether whatever is there is to be made again, in this run or in one that takes it up.
    """
    file = output / _NAME
    if anew or not file.exists():
        write_text(file, json.dumps(settings, indent=2) + "\n")
    return file.stat().st_mtime


def finished(job: Job, since: float) -> Image.Image | None:
    """The translation, if it is there, whole, made after ``since`` and not older than its picture; else None."""
    try:
        if job.target.stat().st_mtime < max(since, job.source.stat().st_mtime):
            return None
        with Image.open(job.target) as opened:
            opened.load()
            return opened.copy()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # Pillow's ways to say "damaged"
        return None
