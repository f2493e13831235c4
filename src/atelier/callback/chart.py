"""Curves as inline SVG that takes its colours from the page, so that it suits light and dark."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# matplotlib draws in these, and the page's own variables take their place.
_INK, _RULE, _LEVEL, _MARK = "#010101", "#020202", "#030303", "#040404"
_SERIES = ("#050505", "#060606")
_VARIABLES = {
    _INK: "var(--muted)",
    _RULE: "var(--rule)",
    _LEVEL: "var(--level)",
    _MARK: "var(--mark)",
    _SERIES[0]: "var(--first)",
    _SERIES[1]: "var(--second)",
}
_MOST_POINTS = 600
_LOGARITHMIC = 10  # an axis of positive values that span more than this factor is logarithmic
_HEIGHT = 2.5  # inches; the page scales the picture to its column

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "atelier",
    "font.size": 8.5,
    "axes.edgecolor": _RULE,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "text.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


class Curve(NamedTuple):
    """Values over epochs."""

    epochs: Sequence[float]
    values: Sequence[float]


def chart(
    curves: Sequence[Curve],
    *,
    level: float | None = None,
    levels: Sequence[float] = (),
    mark: tuple[float, float] | None = None,
    bounds: tuple[float, float] | None = None,
    width: float = 5.2,
) -> str:
    """One or two curves in one picture, as an ``<svg>`` element.

    level: where to draw a dashed horizontal line. levels: one for each curve, in its colour.
    mark: (epoch, value) of a point to ring.
    bounds: of the vertical axis; by default they leave out the odd spike, and the axis is logarithmic where
    positive values span more than a factor of 10. width: in inches, which sets the size of the words in it.
    """
    # Imported here: matplotlib takes half a second, and only the report needs it.
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(width, _HEIGHT), layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        axes.grid(axis="y", color=_RULE, linewidth=0.7)
        axes.set_axisbelow(True)
        _scale(axes, curves, [*levels, *([] if level is None else [level])], bounds)
        for curve, colour in zip(curves, _SERIES, strict=False):
            epochs, values = _thin(curve)
            dots = "o" if len(values) <= 40 else None
            axes.plot(epochs, values, color=colour, linewidth=1.7, marker=dots, markersize=2.6)
        for height, colour in zip(levels, _SERIES, strict=False):
            axes.axhline(height, color=colour, linewidth=1.2, dashes=(5, 4))
        if level is not None:
            axes.axhline(level, color=_LEVEL, linewidth=1.2, dashes=(5, 4))
        if mark is not None:
            axes.plot(
                *mark,
                marker="o",
                markersize=9,
                markerfacecolor="none",
                markeredgecolor=_MARK,
                markeredgewidth=1.8,
            )
        axes.set_xlabel("epoch")
        axes.margins(x=0.02)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _for_page(text.getvalue())


def _scale(axes: Any, curves: Sequence[Curve], levels: Sequence[float], bounds: tuple[float, float] | None) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator  # as above

    values = [value for curve in curves for value in curve.values if math.isfinite(value)]
    if bounds is None and _is_logarithmic(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=7))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    elif values:
        axes.set_ylim(bounds or _bounds(values, levels))
    if max((epoch for curve in curves for epoch in curve.epochs), default=0) >= 3:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _thin(curve: Curve) -> tuple[list[float], list[float]]:
    """At most 600 points, each the mean of its neighbours."""
    count = len(curve.values)
    if count <= _MOST_POINTS:
        return list(curve.epochs), list(curve.values)
    parts = np.array_split(np.arange(count), _MOST_POINTS)
    epochs, values = np.asarray(curve.epochs), np.asarray(curve.values)
    return [float(epochs[part].mean()) for part in parts], [float(values[part].mean()) for part in parts]


def _is_logarithmic(values: list[float]) -> bool:
    return bool(values) and min(values) > 0 and max(values) > _LOGARITHMIC * min(values)


def _bounds(values: list[float], levels: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(values, [0.5, 99.5])
    low, high = min(low, *levels, high), max(high, *levels, low)
    room = 0.08 * (high - low) or 0.5 * max(abs(high), 1e-3)
    return float(low - room), float(high + room)


def _for_page(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    # Ids that nothing refers to would stand on the page once per chart.
    svg = re.sub(r'<g id="(?!m)[^"]*">', "<g>", svg)
    # The page's font; matplotlib names one that few machines have.
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    return svg.replace("<svg ", '<svg role="img" ', 1)
