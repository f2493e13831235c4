"""Runs as rows: what differs, one protocol per column, seeds of one configuration together. Needs no torch."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from atelier.callback.score_panels import notes
from atelier.config.words import suggestion
from atelier.task.comparing.files import clean
from atelier.task.comparing.options import KIND, Option, differences, same_settings, shown
from atelier.task.comparing.runs import Run, Score
from atelier.types import Mistake

_MOST_OPTIONS = 6


class Column(NamedTuple):
    """A score taken by one protocol.

    name: the score's. protocol: all that it says. note: the same in a sentence. higher: which way is better.
    alone: whether the score was taken by no other protocol.
    """

    name: str
    protocol: str
    note: str
    higher: bool | None
    alone: bool

    @property
    def word(self) -> str:
        """A short word for the protocol."""
        return "#" + hashlib.sha256(self.protocol.encode()).hexdigest()[:4]

    @property
    def title(self) -> str:
        """What stands above the column: the score's name as people say it, and the protocol's word where it tells."""
        return self.name.removeprefix("val/") + ("" if self.alone else f" {self.word}")

    def of(self, run: Run) -> Score | None:
        """The run's figure, if it was taken by this very protocol."""
        score = run.scores.get(self.name)
        return score if score is not None and _said(score.protocol) == self.protocol else None


class Figure(NamedTuple):
    """The mean over runs, their standard deviation (None for one run) and how many they are."""

    mean: float
    deviation: float | None
    size: int


class Row(NamedTuple):
    """Finished runs that differ in their seed alone, or one run that stands for itself.

    repeats: runs with the seed of another of the row, which count in no figure.
    """

    runs: tuple[Run, ...]
    repeats: tuple[Run, ...]

    @property
    def name(self) -> str:
        """Of all its runs, if they are few."""
        return listed([run.name for run in self.runs])

    def figure(self, value: Callable[[Run], float | None]) -> Figure | None:
        """``value`` over the runs that have one."""
        found = [taken for run in self.runs if (taken := value(run)) is not None]
        if not found:
            return None
        deviation = statistics.stdev(found) if len(found) > 1 else None
        return Figure(statistics.fmean(found), deviation, len(found))

    def best(self, column: Column) -> Figure | None:
        """The best value of a score."""
        return self.figure(lambda run: None if (score := column.of(run)) is None else score.best)

    def last(self, column: Column) -> Figure | None:
        """The last value of a score."""
        return self.figure(lambda run: None if (score := column.of(run)) is None else score.last)


class Section(NamedTuple):
    """Rows that are sorted by one column.

    kind: the model and the data, where all rows share them and others do not. options: what tells them apart.
    columns: the scores that count, as far as any row has them, the one that they are sorted by first.
    further: all their other scores.
    """

    rows: tuple[Row, ...]
    kind: tuple[str, ...]
    options: tuple[Option, ...]
    columns: tuple[Column, ...]
    further: tuple[Column, ...]

    @property
    def ranked(self) -> bool:
        """Whether its first row is the best: there is a score, and one way is better."""
        return bool(self.columns) and self.columns[0].higher is not None


class Table(NamedTuple):
    """Everything that there is to show: rows in sections, each with figures that may be compared."""

    runs: tuple[Run, ...]
    options: tuple[Option, ...]
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]

    @property
    def rows(self) -> list[Row]:
        """All rows, the best of each section first."""
        return [row for section in self.sections for row in section.rows]

    @property
    def leading(self) -> list[Column]:
        """The columns of the scores that count."""
        shown = {column for section in self.sections for column in section.columns}
        return [column for column in self.columns if column in shown]


def tabulate(runs: Sequence[Run], sort: str | None) -> Table:
    """The table of ``runs``, sorted by the score ``sort``, or by the first score of most of them.

    Runs without that score are sorted by the first one that they have.

    Raises:
        Mistake: if no run has that score.
    """
    columns = _columns(runs)
    primary = _primary(runs, columns, sort)
    counting = {run.primary for run in runs} | {primary}
    columns.sort(key=lambda column: (column.name != primary, column.name not in counting))
    leading = [column for column in columns if column.name in counting]
    options = differences(runs)
    rows = sorted(_rows(runs), key=lambda row: _place(row, columns))
    together = itertools.groupby(rows, key=lambda row: next((column for column in leading if row.best(column)), None))
    sections = [_section(tuple(members), options, columns, leading) for _, members in together]
    return Table(tuple(runs), tuple(options), tuple(columns), tuple(sections))


def _section(
    rows: tuple[Row, ...], options: Sequence[Option], columns: Sequence[Column], leading: Sequence[Column]
) -> Section:
    found = {option: {values(row, option) for row in rows} for option in options}
    shared = [found[option] for option in options if option.name in KIND and len(found[option]) == 1]
    kind = tuple(word for words in shared for word in words)
    telling = [option for option in options if len(found[option]) > 1]
    there = [column for column in columns if any(row.best(column) for row in rows)]
    first = tuple(column for column in there if column in leading)
    return Section(rows, kind, tuple(telling[:_MOST_OPTIONS]), first, tuple(one for one in there if one not in first))


def values(row: Row, option: Option) -> str:
    """The row's value of an option; the same for all its runs, but for what depends on the seed."""
    return " / ".join(dict.fromkeys(shown(run, option) for run in row.runs))


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first of ``names``, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _said(protocol: Mapping[str, Any]) -> str:
    """All that a protocol says, the same for those whose figures may be compared."""
    said = {name: value for name, value in protocol.items() if name != "warning"}  # which follows from the rest
    return json.dumps(said, sort_keys=True, default=str)


def _in_words(protocol: Mapping[str, Any]) -> str:
    """A protocol in a sentence, whatever stands in it."""
    try:
        told = " ".join(notes({"": {"protocol": protocol}}))
    except (KeyError, TypeError, ValueError):
        told = " · ".join(f"{name} {value}" for name, value in protocol.items())
    return clean(told, 400) or "its protocol was not stored"


def _columns(runs: Sequence[Run]) -> list[Column]:
    found: dict[tuple[str, str], Score] = {}
    for run in runs:
        for name, score in run.scores.items():
            found.setdefault((name, _said(score.protocol)), score)
    protocols = Counter(name for name, _ in found)
    return [
        Column(name, said, _in_words(score.protocol), score.higher, protocols[name] == 1)
        for (name, said), score in found.items()
    ]


def _primary(runs: Sequence[Run], columns: Sequence[Column], sort: str | None) -> str | None:
    names = {column.name for column in columns}
    if sort is not None:
        chosen = next((name for name in (sort, f"val/{sort}") if name in names), None)
        if chosen is None:
            raise Mistake(f"sort={sort}: no run has such a score{suggestion(sort, names)}")
        return chosen
    counts = Counter(run.primary for run in runs if run.primary is not None)
    return counts.most_common(1)[0][0] if counts else None


def _rows(runs: Sequence[Run]) -> list[Row]:
    """Only finished runs are taken together: the figures of one that was cut off are those of fewer epochs."""
    together: dict[object, list[Run]] = {}
    for run in runs:
        alone = not run.finished or not run.config
        together.setdefault(run.folder if alone else same_settings(run), []).append(run)
    rows = []
    for members in together.values():
        first: dict[object, Run] = {}
        for run in members:
            first.setdefault(run.seed, run)
        counted = tuple(sorted(first.values(), key=lambda run: -math.inf if run.seed is None else run.seed))
        rows.append(Row(counted, tuple(run for run in members if run not in counted)))
    return rows


def _place(row: Row, columns: Sequence[Column]) -> tuple[float, float, str]:
    """By the first column that the row has a figure in, best first; those without any come last."""
    for place, column in enumerate(columns):
        if (figure := row.best(column)) is not None:
            return (place, -figure.mean if column.higher else figure.mean, row.name)
    return (math.inf, 0.0, row.name)
