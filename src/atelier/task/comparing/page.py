"""compare.html: the comparison as one page that loads nothing from elsewhere. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from atelier.callback import chart
from atelier.callback.embed import embed
from atelier.callback.words import brief
from atelier.task.comparing.charts import curves, influences, shades
from atelier.task.comparing.files import last_samples
from atelier.task.comparing.options import ABSENT, KIND
from atelier.task.comparing.runs import Run
from atelier.task.comparing.table import Row, Section, Table, values
from atelier.task.comparing.text import alarms, cells, named, remarks, told
from atelier.template import template

_MOST_SAMPLES, _BYTES, _MOST_WORDS = 48, 7_000_000, 4


class Line(NamedTuple):
    """A row on the page: the name of its colour, what it is called, what tells it from the others, and its cells."""

    colour: str
    name: str
    label: str
    cells: list[str]
    further: list[str]


class Part(NamedTuple):
    """A section on the page; ``columns`` are the headings of its figures."""

    section: Section
    columns: list[tuple[str, str]]
    lines: list[Line]


class Sample(NamedTuple):
    """A run's last samples on the page."""

    colour: str
    label: str
    note: str
    source: str


def page(table: Table) -> str:
    """The page's text."""
    parts = list(_parts(table))
    lines = [line for part in parts for line in part.lines]
    shown, left_out = _samples(table, lines)
    plots = list(curves(table, [line.label for line in lines]))
    first = {column.title for column in table.leading}
    own, reports = Path(__file__).with_name("page.html.jinja"), Path(chart.__file__).parent
    return template(own, reports, escape=True).render(
        count=len(table.runs),
        subject=_subject(table),
        alarms=list(alarms(table)),
        parts=parts,
        notes=list(remarks(table)),
        samples=shown,
        left_out=left_out,
        curves=[plot for plot in plots if plot.title in first],
        other_curves=[plot for plot in plots if plot.title not in first],
        influences=list(influences(table)),
    )


def _parts(table: Table) -> Iterator[Part]:
    colours = iter([*chart.COLOURS, "level"][shade] for shade in shades(table))
    for section in table.sections:
        columns = [(f"{which} {column.title}", column.note) for column in section.columns for which in ("best", "last")]
        lines = [
            Line(next(colours), named(row), label, cells(row, section), [told(row.best(c)) for c in section.further])
            for row, label in zip(section.rows, _labels(section), strict=True)
        ]
        yield Part(section, columns, lines)


def _labels(section: Section) -> list[str]:
    """What tells each row from the others in few words; its name, where these are not enough."""
    found = [", ".join([*section.kind, *_words(row, section)]) for row in section.rows]
    return [
        label if label and found.count(label) == 1 else row.name for label, row in zip(found, section.rows, strict=True)
    ]


def _words(row: Row, section: Section) -> Iterator[str]:
    for option in section.options[:_MOST_WORDS]:
        if (value := values(row, option)) != ABSENT:
            yield value if option.name in KIND else f"{option.short} {value}"


def _subject(table: Table) -> str:
    kinds = dict.fromkeys(f"{run.model} on {run.data}" for run in table.runs if run.model and run.data)
    return ", ".join(list(kinds)[:4]) + (" and others" if len(kinds) > 4 else "")


def _samples(table: Table, lines: Sequence[Line]) -> tuple[list[Sample], int]:
    """The last samples of each run, as many as a page holds, and how many more there are."""
    found = [
        (line, run, file)
        for line, row in zip(lines, table.rows, strict=True)
        for run in row.runs
        if (file := last_samples(run.folder)) is not None
    ]
    kept = found[:_MOST_SAMPLES]
    shown = [Sample(line.colour, line.label, _note(run, table), embed(f, _BYTES // len(kept))) for line, run, f in kept]
    return shown, len(found) - len(kept)


def _note(run: Run, table: Table) -> str:
    words = [run.name]
    words += [] if run.seed is None else [f"seed {brief(run.seed)}"]
    for column in table.leading:
        if (score := column.of(run)) is not None and score.last is not None:
            words.append(f"{column.title} {brief(score.last)}")
    return " · ".join(words)
