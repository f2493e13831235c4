"""What a sweep came to: a table for the terminal, ``sweep.json`` and ``sweep.csv`` in its folder."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from atelier.callback.words import brief, near
from atelier.jsonable import jsonable
from atelier.run_folder import RunFolder
from atelier.types import Mistake
from atelier.whole_file import write_text

log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """One job of a sweep.

    job: its number. words: its overrides. status: "done", "pruned", "failed", and where the sweep was cut off "stopped"
    or "not begun". value: the best of its first score. score: the name of that. folder: where it ran, "" if it was not
    begun. error: the last that a failed job said, else "".
    """

    job: int
    words: list[str]
    status: str
    value: float | None
    score: str
    folder: str
    error: str = ""


def outcome(job: int, returned: JobReturn) -> Outcome:
    """What came of job number ``job``, from what its launcher gave back."""
    found = None if returned.hydra_cfg is None else OmegaConf.select(returned.hydra_cfg, "hydra.runtime.output_dir")
    folder, words = str(found or returned.working_dir or ""), list(returned.overrides or [])
    name = first_score(Path(folder))["name"] if folder else "score"
    if returned.status == JobStatus.UNKNOWN:
        return Outcome(job, words, "stopped" if folder else "not begun", None, name, folder)
    if returned.status != JobStatus.COMPLETED:
        # The property of that name raises what the job raised.
        return Outcome(job, words, "failed", None, name, folder, " ".join(str(returned._return_value).split()))
    value = returned.return_value
    status = "pruned" if RunFolder(Path(folder)).read_results().get("status") == "pruned" else "done"
    return Outcome(job, words, status, float(value) if isinstance(value, int | float) else None, name, folder)


def first_score(folder: Path) -> dict[str, Any]:
    """A run's figure that counts: its ``name``, ``best`` value and whether ``higher_is_better``."""
    for name, standing in RunFolder(folder).read_results().get("scores", {}).items():
        return {"name": name, **standing}
    return {"name": "score", "best": None, "higher_is_better": None}


def differing(outcomes: Sequence[Outcome]) -> list[str]:
    """The options in which the jobs differ, in the order in which they were given."""
    values: dict[str, set[str]] = {}
    for one in outcomes:
        for word in one.words:
            key, _, value = word.partition("=")
            values.setdefault(key, set()).add(value)
    return [key for key, found in values.items() if len(found) > 1]


def tell(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Print the table and write it to ``folder``."""
    keys = differing(outcomes)
    # Of different models or data each has its own: figures that cannot be compared never share a column.
    scores = list(dict.fromkeys(one.score for one in outcomes if one.value is not None)) or ["score"]
    rows = [_row(one, keys, scores) for one in outcomes]
    header = ["job", *keys, *scores, "status", "folder"]
    shown = [[brief(value) if isinstance(value, float | None) else str(value) for value in row] for row in rows]
    for row, one in zip(shown, outcomes, strict=True):
        row[-1] = str(near(Path(one.folder))) if one.folder else ""
    log.info("\n%s", _aligned([header, *shown]))
    bad = [one for one in outcomes if one.status == "failed"]
    if bad:
        log.error("%d of %d jobs failed:", len(bad), len(outcomes))
        for one in bad:
            log.error("  #%d %s", one.job, one.error)
    log.info("Table: %s", near(folder / "sweep.csv"))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    write_text(folder / "sweep.csv", text.getvalue())
    record = jsonable({"score": scores[0], "jobs": [one._asdict() for one in outcomes]})
    write_text(folder / "sweep.json", json.dumps(record, indent=2) + "\n")


@contextmanager
def telling(folder: Path) -> Iterator[list[Outcome]]:
    """What the block has come to, told when it ends, also where it is cut off; nothing, where there is nothing."""
    outcomes: list[Outcome] = []
    try:
        yield outcomes
    finally:
        if outcomes:
            tell(sorted(outcomes), folder)


def _row(one: Outcome, keys: Sequence[str], scores: Sequence[str]) -> list[Any]:
    values = dict(word.partition("=")[::2] for word in one.words)
    figures = [one.value if one.score == score else None for score in scores]
    return [one.job, *(values.get(key, "") for key in keys), *figures, one.status, one.folder]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


@contextmanager
def answered() -> Iterator[None]:
    """A mistake in what a sweep was given ends it with status 2 and a line, as it does for a run."""
    try:
        yield
    except Mistake as mistake:
        print(f"atelier: {mistake}", file=sys.stderr)  # noqa: T201  # standard error is where mistakes are told
        sys.exit(2)
