"""Charts of the comparison: scores over the images seen, and what each option does to the score. Needs no torch."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence

from atelier.callback.chart import COLOURS, Curve, chart, scatter
from atelier.callback.score_panels import NARROW, Panel
from atelier.callback.words import brief
from atelier.run_folder import RunFolder
from atelier.task.comparing.files import clean, number, read_scores
from atelier.task.comparing.options import ABSENT, Option, shown, value_of
from atelier.task.comparing.runs import Run
from atelier.task.comparing.table import Column, Section, Table
from atelier.types import Mistake

_MOST_CHARTS, _MOST_WORDS = 24, 10


def shades(table: Table) -> list[int]:
    """Each row's place among the colours: rows of a section have different ones, as far as these go."""
    found: list[int] = []
    first, most = 0, len(COLOURS)
    for section in table.sections:
        places = range(len(section.rows))
        found += [(first + place) % most if place < most else most for place in places]
        first += min(len(places), most)
    return found


def curves(table: Table, labels: Sequence[str]) -> Iterator[Panel]:
    """Every score over the images seen, one curve per run, the runs of one row in one colour."""
    stored = {run.folder: _stored(run) for row in table.rows for run in row.runs}
    for column in table.columns[:_MOST_CHARTS]:
        drawn, keys = [], []
        for row, key in zip(table.rows, zip(shades(table), labels, strict=True), strict=True):
            for run in row.runs:
                if column.of(run) is not None and column.name in stored[run.folder]:
                    drawn.append(Curve(*stored[run.folder][column.name]))
                    keys.append(key)
        if drawn:
            floor = _floor(table, column)
            chosen = [shade for shade, _ in keys]
            svg = chart(drawn, level=floor, axis="images seen", shades=chosen, width=_width(table))
            yield Panel(column.title, _keys(keys, floor), svg, _direction(column))


def influences(table: Table) -> Iterator[Panel]:
    """What each option in which the runs of a section differ has to do with the score that they are sorted by."""
    colours = iter(shades(table))
    for section in table.sections:
        own = list(itertools.islice(colours, len(section.rows)))
        for column, option in itertools.product(section.columns[:1], section.options):
            if (svg := _influence(section, own, column, option)) is not None:
                yield Panel(f"{option.short} against best {column.title}", [], svg, option.name)


def _influence(section: Section, colours: Sequence[int], column: Column, option: Option) -> str | None:
    found = [
        (colour, run, score.best)
        for colour, row in zip(colours, section.rows, strict=True)
        for run in row.runs
        if (score := column.of(run)) is not None and score.best is not None and value_of(run, option) != ABSENT
    ]
    numbers = [number(value_of(run, option)) for _, run, _ in found]
    figures = [figure for figure in numbers if figure is not None]
    words = [clean(shown(run, option), 16) for _, run, _ in found]
    places: list[float] | list[str] = figures if len(figures) == len(found) else words
    if len(set(places)) < 2 or (places is words and len(set(words)) > _MOST_WORDS):
        return None
    best, chosen = [best for _, _, best in found], [colour for colour, _, _ in found]
    with warnings.catch_warnings():  # of letters that matplotlib's own font lacks; the page's has them
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        return scatter(places, best, axis="", shades=chosen, width=NARROW)


def _stored(run: Run) -> dict[str, tuple[list[float], list[float]]]:
    try:
        return read_scores(RunFolder(run.folder).metrics)
    except Mistake:
        return {}  # the figures in results.json stand without their curves


def _floor(table: Table, column: Column) -> float | None:
    """What the score is between reals and reals, where all runs say the same."""
    floors = {score.floor for run in table.runs if (score := column.of(run)) is not None}
    return floors.pop() if len(floors) == 1 else None


def _keys(rows: Sequence[tuple[int, str]], floor: float | None) -> list[tuple[str, str]]:
    there = list(dict.fromkeys(rows))
    keys = [(COLOURS[shade], label) for shade, label in there if shade < len(COLOURS)]
    if more := sum(shade >= len(COLOURS) for shade, _ in there):
        keys.append(("level", f"{more} more"))
    return keys + ([] if floor is None else [("level", f"real against real {brief(floor)} (dashed)")])


def _direction(column: Column) -> str:
    return "" if column.higher is None else "Higher is better." if column.higher else "Lower is better."


def _width(table: Table) -> float:
    return 5.2 if len(table.columns) <= 2 else NARROW
