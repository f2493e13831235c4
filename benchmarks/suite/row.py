"""A line of the table: one workload against one contender, and what was asked of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich.table import Table

from suite.turns import Quartiles, quartiles, ratios

Kind = Literal["speed", "overhead", "cost", "time"]


@dataclass(frozen=True)
class Row:
    """What one workload came to beside one contender.

    workload: in words, with its sizes; against: the contender in words, "" where there is none.
    kind: what ``figure`` says. "speed": theirs / ours. "overhead": ours / theirs - 1. "cost": ours - theirs, in
        milliseconds. "time": ours, in seconds.
    ours, theirs: medians in milliseconds.
    asked: the least speed, or the largest of the others, that was asked for.
    ceiling: share of the time in which the machine computes convolutions and products of these very shapes alone.
    memory: peak bytes of both, ours first.
    note: what a reader has to know.
    """

    workload: str
    against: str
    kind: Kind
    figure: Quartiles
    ours: float
    theirs: float | None = None
    asked: float | None = None
    ceiling: float | None = None
    memory: tuple[int | None, int | None] | None = None
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether what was asked for was reached; None where nothing was."""
        if self.asked is None:
            return None
        return self.figure.middle >= self.asked if self.kind == "speed" else self.figure.middle <= self.asked

    def plain(self) -> dict[str, Any]:
        """The row in words and numbers for JSON."""
        return {**asdict(self), "figure": self.figure._asdict(), "kept": self.kept}


@dataclass
class Report:
    """The rows of a run, what this machine or this version cannot do, and what went wrong."""

    machine: str
    rows: list[Row] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


class LeftOutError(Exception):
    """A row that cannot be had here; its text says why."""


_FIGURES: dict[Kind, Callable[[Sequence[float], Sequence[float]], list[float]]] = {
    "speed": lambda ours, theirs: ratios(theirs, ours),
    "overhead": lambda ours, theirs: [ratio - 1 for ratio in ratios(ours, theirs)],
    "cost": lambda ours, theirs: [1000 * (mine - other) for mine, other in zip(ours, theirs, strict=True)],
}


def compared(
    workload: str, against: str, kind: Kind, ours: Sequence[float], theirs: Sequence[float], **more: Any
) -> Row:
    """The row of two contenders' seconds, round by round."""
    medians = (1000 * quartiles(seconds).middle for seconds in (ours, theirs))
    return Row(workload, against, kind, quartiles(_FIGURES[kind](ours, theirs)), *medians, **more)


def timed(workload: str, seconds: Sequence[float], **more: Any) -> Row:
    """The row of a workload that nobody else does."""
    spread = quartiles(seconds)
    return Row(workload, "", "time", spread, 1000 * spread.middle, **more)


_COLUMNS = ("workload", "against", "theirs, ms", "atelier, ms", "figure", "quartiles (rounds)", "asked", "of ceiling")
_WRITTEN: dict[Kind, str] = {"speed": "{:.2f} x", "overhead": "{:+.1%}", "cost": "{:+.2f} ms", "time": "{:.2f} s"}


def cells(row: Row) -> list[str]:
    """The row as text, in the order of the table's columns."""
    write = _WRITTEN[row.kind].format
    low, middle, high, count = row.figure
    sign = "" if row.kept is None else "yes: " if row.kept else "NO: "
    bound = ("≥ " if row.kind == "speed" else "≤ ") + write(row.asked).lstrip("+") if row.asked is not None else ""
    memory = "" if row.memory is None else " / ".join("-" if b is None else f"{b / 2**20:,.0f}" for b in row.memory)
    return [
        row.workload,
        row.against,
        "" if row.theirs is None else _milliseconds(row.theirs),
        _milliseconds(row.ours),
        write(middle),
        f"{write(low)} - {write(high)} ({count})",
        sign + bound,
        "" if row.ceiling is None else f"{row.ceiling:.0%}",
        memory,
    ]


def _milliseconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def columns() -> list[str]:
    """The table's columns."""
    return [*_COLUMNS, "MiB: ours / theirs"]


def table(report: Report) -> Table:
    """For a terminal."""
    shown = Table(title=report.machine, show_lines=True)
    for name in columns():
        shown.add_column(name, justify="left" if name in ("workload", "against") else "right")
    for row in report.rows:
        shown.add_row(*cells(row))
    return shown


def markdown(report: Report) -> str:
    """For a page of documentation."""
    lines = [
        f"{report.machine}.",
        "",
        f"| {' | '.join(columns())} |",
        "|---|---" + "|---:" * (len(columns()) - 2) + "|",
    ]
    lines += [f"| {' | '.join(cells(row))} |" for row in report.rows]
    return "\n".join([*lines, "", *notes(report)])


def notes(report: Report) -> list[str]:
    """What the rows and failures say in words, a line each."""
    said = {row.workload: row.note for row in report.rows if row.note}
    lines = [f"- {workload}: {note}" for workload, note in said.items()]
    lines += [f"- left out: {name}: {reason}" for name, reason in report.left_out.items()]
    return lines + [f"- FAILED: {name}: {reason}" for name, reason in report.failures.items()]
