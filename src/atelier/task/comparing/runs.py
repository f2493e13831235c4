"""The runs below some folders, and what each came to. Needs no torch."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from atelier.config.axes import PARTS
from atelier.config.override import key_of
from atelier.expanded import expanded
from atelier.run_folder import RunFolder
from atelier.task.comparing.axes import used
from atelier.task.comparing.files import clean, leaves, mapping, number, read_json, read_yaml
from atelier.types import Mistake

_MOST_SCORES = 200
MOST_REASON = 1_000
"""Letters of why a run did not come to its end."""


class Score(NamedTuple):
    """One figure of a run: last and best value, the epoch of the best, its direction and how it was taken."""

    last: float | None
    best: float | None
    best_epoch: float | None
    higher: bool | None
    floor: float | None
    protocol: Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """What a run's folder says.

    status: finished, training, stopped, "failed: ..." as results.json has it, or why there is none.
    config: option -> value, without those that every run has of its own. typed: the options that were given as words.
    """

    folder: Path
    name: str
    status: str
    model: str = ""
    data: str = ""
    seed: float | None = None
    images_seen: float | None = None
    seconds: float | None = None
    images_per_second: float | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    typed: frozenset[str] = frozenset()

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return self.status == "finished"

    @property
    def primary(self) -> str | None:
        """The name of the figure that counts."""
        return next(iter(self.scores), None)


def find(places: Sequence[str]) -> list[Path]:
    """The folders of runs that ``places`` mean: folders, all that lies below them, and patterns in quotes.

    A job of a sweep that left nothing but a log is among them.

    Raises:
        Mistake: if a place means nothing, or no run at all is there.
    """
    if not places:
        raise Mistake("name the runs to compare: python src/compare.py <folder or pattern> ...")
    found: dict[Path, None] = {}
    for place in places:
        below = [folder for path in _paths(place) for folder in _below(path)]
        if not below:
            raise Mistake(f"{place}: there is no run in this folder or below it (a run holds config.yaml)")
        found |= dict.fromkeys(below)
    return list(found)


def _paths(place: str) -> list[Path]:
    path = expanded(place)
    if path.exists():
        return [path]
    matches = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(place) else []  # noqa: PTH207  # absolute ones too
    if not matches:
        raise Mistake(f"{place}: there is no such folder")
    return [folder for match in matches if (folder := Path(match)).is_dir()]


def _below(path: Path) -> Iterable[Path]:
    if path.is_file():
        path = RunFolder.of(path).path
    if RunFolder(path).begun or RunFolder(path).results.exists():
        yield path.resolve()
        return
    for folder, inner, files in os.walk(path):
        here = Path(folder)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if RunFolder(here).begun or _is_barren_job(here, inner, files):
            inner.clear()
            yield here.resolve()


def _is_barren_job(folder: Path, inner: Sequence[str], files: Sequence[str]) -> bool:
    """Whether a sweep started a job here that failed before it wrote anything down."""
    logs = any(name in files for name in ("train.log", "console.log"))
    return not inner and logs and any((folder.parent / name).exists() for name in ("multirun.yaml", "sweep.json"))


def read(folders: Sequence[Path]) -> list[Run]:
    """All runs, each with the shortest name that tells it from the others."""
    top = Path(os.path.commonpath([folder.parent for folder in folders]))
    runs = [_run(folder, clean(folder.relative_to(top))) for folder in folders]
    seeds = {path for run in runs for path in run.config if path.rpartition(".")[2] == "seed"}
    fixed = {path for run in runs for path in seeds & run.config.keys() if number(run.config[path]) != run.seed}
    return [replace(run, config=_without(run.config, seeds - fixed)) for run in runs]


def _without(config: Mapping[str, Any], paths: Set[str]) -> dict[str, Any]:
    """``config`` without ``paths``: seeds that follow the run's own tell no configurations apart."""
    return {path: value for path, value in config.items() if path not in paths}


def _run(folder: Path, name: str) -> Run:
    run = RunFolder(folder)
    config, typed, trouble = _config(run)
    seed = number(config.get("seed"))
    words = {key: clean(config[f"{key}_name"]) for key in ("model", "data") if config.get(f"{key}_name") is not None}
    known: dict[str, Any] = {"seed": seed, **words, "config": _comparable(config), "typed": typed}
    try:
        results = read_json(run.results)
    except Mistake as mistake:
        status = f"unreadable: {mistake}" if run.results.exists() else _why_without_results(run)
        return Run(folder, name, status, **known)
    if not isinstance(results, dict):
        return Run(folder, name, "unreadable: results.json holds no results", **known)
    told = clean(results.get("status", "unreadable: results.json has no status"), MOST_REASON)
    return Run(
        folder,
        name,
        f"unreadable: {trouble}" if trouble else told,
        scores=_scores(results),
        images_seen=number(results.get("images_seen")),
        seconds=number(results.get("train_seconds")),
        images_per_second=number(results.get("images_per_second")),
        **known,
    )


def _why_without_results(run: RunFolder) -> str:
    """What is known of a run that wrote none down; a sweep has noted which of its jobs it stopped."""
    try:
        noted = mapping(read_json(run.path / "job.json")).get("status")
    except Mistake:
        noted = None
    if noted == "stopped" or run.config.exists():
        return "stopped before its first results"
    return "failed before it began, as its log tells"


def _scores(results: Mapping[str, Any]) -> dict[str, Score]:
    found: dict[str, Score] = {}
    for name, entry in list(mapping(results.get("scores")).items())[:_MOST_SCORES]:
        score, higher = mapping(entry), mapping(entry).get("higher_is_better")
        figures = [number(score.get(key)) for key in ("last", "best", "best_epoch", "floor")]
        last, best, epoch, floor = figures
        if last is not None or best is not None:
            direction = higher if isinstance(higher, bool) else None
            found[clean(name)] = Score(last, best, epoch, direction, floor, mapping(score.get("protocol")))
    return found


def _config(run: RunFolder) -> tuple[dict[str, Any], frozenset[str], str]:
    """The options by path, those that were typed, and why they cannot be read."""
    try:
        config = leaves(read_yaml(run.config))
    except Mistake as mistake:
        return {}, frozenset(), str(mistake)
    try:
        words = read_yaml(run.overrides)
    except Mistake:
        words = []  # they only decide which of several options gives a column its name
    typed = [key_of(word) for word in words if isinstance(word, str)] if words else []
    return config, frozenset(typed), ""


def _comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    """``config`` without what tells no two runs apart: its own places on disk, its loggers, axes that nothing uses."""
    place = str(config.get("run_dir"))
    left = {"run_dir", "started_in", "resume", "logger"} | set(PARTS) - used(config)
    return {
        option: value
        for option, value in config.items()
        if option.partition(".")[0] not in left
        and not (isinstance(value, str) and len(place) > 1 and value.startswith(place))
    }
