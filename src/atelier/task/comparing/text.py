"""The comparison in a terminal, and as compare.csv. Needs no torch."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from atelier.callback.score_history import whole
from atelier.callback.words import brief, duration
from atelier.task.comparing.files import clean
from atelier.task.comparing.options import KIND, value_of
from atelier.task.comparing.runs import MOST_REASON, Run
from atelier.task.comparing.table import Figure, Row, Section, Table, listed, values

_MOST_LETTERS = 240  # of a line below the table in a terminal
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def told(figure: Figure | None) -> str:
    """A figure as people read it: 12.3, or 12.3 ± 0.4 (3) for the mean of three runs."""
    if figure is None:
        return "–"
    if figure.deviation is None:
        return brief(figure.mean)
    return f"{brief(figure.mean)} ± {figure.deviation:.2g} ({figure.size})"


def show(table: Table, console: Console) -> None:
    """Print the table, a part for each score that runs are sorted by, and all that has to be known to read it."""
    for section in table.sections:
        grid = _grid(section)
        if not console.is_terminal:  # nobody's window to fit in
            wanted = Measurement.get(console, console.options.update(max_width=10_000), grid).maximum
            console.width = max(console.width, wanted)
        console.print(grid)
    for line in (*remarks(table), *map(_in_short, alarms(table))):
        console.print(Text(line), soft_wrap=True, style="dim")


def _grid(section: Section) -> Grid:
    title = Text(" on ".join(section.kind), style="bold") if section.kind else None
    grid = Grid(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    grid.add_column("run", overflow="fold")
    for option in section.options:
        grid.add_column(Text(option.short), overflow="fold")
    figures = [f"{which} {column.title}" for column in section.columns for which in ("best", "last")]
    for heading in (*figures, "images/s", "time"):
        grid.add_column(Text(heading), justify="right")
    for row in section.rows:
        grid.add_row(*map(Text, [named(row), *cells(row, section)]))
    return grid


def named(row: Row) -> str:
    """The row's name, with a star if its run did not come to its end."""
    return row.name + ("" if row.runs[0].finished else " *")


def cells(row: Row, section: Section) -> list[str]:
    """What stands beside the row's name: options, figures, images a second and time."""
    figures = [told(figure) for column in section.columns for figure in (row.best(column), row.last(column))]
    return [*(values(row, option) for option in section.options), *figures, _speed(row), _time(row)]


def alarms(table: Table) -> Iterator[str]:
    """The runs that did not come to their end, and why."""
    for run in table.runs:
        if not run.finished:
            yield f"* {run.name}: {'still training, or killed' if run.status == 'training' else run.status}"


def _in_short(line: str) -> str:
    return textwrap.shorten(line, _MOST_LETTERS, placeholder=" …")


def _speed(row: Row) -> str:
    figure = row.figure(lambda run: run.images_per_second)
    return "–" if figure is None else brief(figure.mean)


def _time(row: Row) -> str:
    figure = row.figure(lambda run: run.seconds)
    return "–" if figure is None else duration(figure.mean)


def remarks(table: Table) -> Iterator[str]:
    """What has to be said below the table."""
    for column in table.leading:
        better = {True: "higher is better", False: "lower is better", None: "no direction is better"}[column.higher]
        yield f"{column.title}: {better}; {column.note}"
    if any(row.runs[1:] for row in table.rows):
        yield "± is the standard deviation over the seeds of one configuration, (n) how many they are"
    shown = {option.name for section in table.sections for option in section.options} | set(KIND)
    for option in table.options:
        if option.companions and option.name in shown:
            yield f"{option.short}: differs together with {listed(option.companions)}"
    if further := [option.name for option in table.options if option.name not in shown]:
        yield f"in compare.csv also: {listed(further, 8)}"
    for row in table.rows:
        for run in row.repeats:
            yield f"{run.name}: repeats {row.runs[0].name} with the same seed, and is counted in no mean"


def as_csv(table: Table) -> str:
    """One line per run, in the order of the table; ``configuration`` numbers those that differ in their seed alone."""
    text = io.StringIO(newline="")
    scores = [f"{which} {column.name} {column.word}" for column in table.columns for which in ("best", "last")]
    facts = ["status", "seed", "images_seen", "train_seconds", "images_per_second"]
    writer = csv.writer(text)
    writer.writerow(["run", "configuration", *(_safe(o.name) for o in table.options), *map(_safe, scores), *facts])
    for place, row in enumerate(table.rows, start=1):
        for run in (*row.runs, *row.repeats):
            writer.writerow([_safe(cell) for cell in _cells(run, place, table)])
    return text.getvalue()


def _cells(run: Run, place: int, table: Table) -> Iterator[Any]:
    yield from (run.name, place)
    yield from (value_of(run, option) for option in table.options)
    for column in table.columns:
        score = column.of(run)
        yield from (None, None) if score is None else (score.best, score.last)
    counted = (None if value is None else whole(value) for value in (run.seed, run.images_seen))
    yield from (run.status, *counted, run.seconds, run.images_per_second)


def _safe(cell: Any) -> Any:
    """Text that a spreadsheet does not take for a formula."""
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    text = clean(cell, MOST_REASON)
    return f"'{text}" if text.startswith(_FORMULA) else text
