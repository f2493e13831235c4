"""The growth of time and memory in pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator


class Curve(NamedTuple):
    """What is drawn in one place: sizes, values by name, and the unit of each axis."""

    title: str
    sizes: Sequence[int]
    values: Mapping[str, Sequence[float]]
    across: str
    up: str


def draw(curves: Sequence[Sequence[Any]], file: Path) -> None:
    """Three curves (the arguments of :class:`Curve`) in a row, on logarithmic axes; nan is left out."""
    rows = -(-len(curves) // 3)
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 3.1 * rows), layout="constrained")
        places = figure.subplots(rows, 3, squeeze=False).flatten()
        for place, curve in zip(places, curves, strict=False):
            _draw(place, Curve(*curve))
        for place in places[len(curves) :]:
            place.set_axis_off()
        figure.savefig(file, dpi=110)


def _draw(place: Axes, curve: Curve) -> None:
    for (name, values), mark in zip(curve.values.items(), "osD^", strict=False):
        place.plot(curve.sizes, values, marker=mark, markersize=4, label=name)
    place.set(xscale="log", yscale="log", title=curve.title, xlabel=curve.across, ylabel=curve.up)
    place.set_xticks(curve.sizes, [_short(size) for size in curve.sizes])
    place.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    place.yaxis.set_major_formatter("{x:g}")
    place.minorticks_off()
    known = [value for values in curve.values.values() for value in values if not math.isnan(value)]
    most, least = max(known), min(known)
    # A flat curve must look flat: at least one decade is shown.
    if most / least < 10:
        middle = (most * least) ** 0.5
        place.set_ylim(middle / 4, middle * 4)
    place.grid(alpha=0.3)
    if len(curve.values) > 1:
        place.legend(frameon=False)


def _short(size: int) -> str:
    return {1_000_000: "1M"}.get(size, f"{size // 1000}k" if size >= 1000 and size % 1000 == 0 else str(size))
