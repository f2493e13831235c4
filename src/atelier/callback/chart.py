"""Curves as inline SVG that takes its colours from the page, so that it suits light and dark."""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

# matplotlib draws in these, and the page's own variables take their place.
_INK, _RULE, _LEVEL, _MARK = "#010101", "#020202", "#030303", "#040404"
_SERIES = ("#050505", "#060606", "#070707", "#080808", "#090909", "#0a0a0a", "#0b0b0b", "#0c0c0c")
COLOURS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
"""Names of the colours that a page gives to series, in their order; ``level`` is for all further ones."""

_VARIABLES = {
    _INK: "var(--muted)",
    _RULE: "var(--rule)",
    _LEVEL: "var(--level)",
    _MARK: "var(--mark)",
    **{shade: f"var(--{name})" for shade, name in zip(_SERIES, COLOURS, strict=True)},
}
_MOST_POINTS = 600
_LOGARITHMIC = 10  # an axis of positive values that span more than this factor is logarithmic
_HEIGHT = 2.5  # inches; the page scales the picture to its column
_ROUND = (1, 2, 2.5, 5, 10)  # steps between ticks, times a power of ten
_POINTS = 72  # of an inch, the unit of what follows
_BESIDE, _BELOW, _MARGIN, _PAD = 30, 28, 9, 3
"""Room for the words on the left (a first guess) and below, at the free edges, and between words and an edge."""

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
    """Values over epochs, or over whatever the horizontal axis shows."""

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
    axis: str = "epoch",
    shades: Sequence[int] | None = None,
) -> str:
    """Curves in one picture, as an ``<svg>`` element.

    level: where to draw a dashed horizontal line. levels: one for each curve, in its colour.
    mark: (epoch, value) of a point to ring.
    bounds: of the vertical axis; by default they leave out the odd spike, and the axis is logarithmic where
    positive values span more than a factor of 10. width: in inches, which sets the size of the words in it.
    axis: what the horizontal axis shows. shades: each curve's place in :data:`COLOURS`, by default its own.
    """
    chosen = [_shade(place) for place in (range(len(curves)) if shades is None else shades)]

    def paint(axes: Any) -> None:
        _scale(axes, curves, [*levels, *([] if level is None else [level])], bounds)
        for curve, colour in zip(curves, chosen, strict=True):
            epochs, values = _thin(curve)
            dots = "o" if len(values) <= 40 else None
            axes.plot(epochs, values, color=colour, linewidth=1.7, marker=dots, markersize=2.6)
        for height, colour in zip(levels, chosen, strict=False):
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

    return _picture(paint, width, axis)


def scatter(
    places: Sequence[float] | Sequence[str],
    values: Sequence[float],
    *,
    axis: str,
    width: float = 5.2,
    shades: Sequence[int] | None = None,
) -> str:
    """Dots in one picture, as an ``<svg>`` element.

    places: where each stands on the horizontal axis: numbers (the axis is logarithmic where positive ones span more
    than a factor of 10), or words, which stand side by side in the order in which they first appear.
    values: how high each stands. shades: each dot's place in :data:`COLOURS`, by default the first for all.
    """
    colours = [_shade(place) for place in ([0] * len(values) if shades is None else shades)]
    words = list(dict.fromkeys(place for place in places if isinstance(place, str)))

    def paint(axes: Any) -> None:
        _scale_values(axes, list(values), [], None)
        across = [float(words.index(place) if isinstance(place, str) else place) for place in places]
        if words:
            axes.set_xticks(range(len(words)), words, parse_math=False)  # a word may hold a $
            axes.set_xlim(-0.5, len(words) - 0.5)
        else:
            _scale_places(axes, sorted(set(across)))
        axes.scatter(across, values, c=colours, s=34, zorder=3, linewidths=0)

    return _picture(paint, width, axis, margin=0.08, long_words=bool(words))


def _shade(place: int) -> str:
    return _SERIES[place] if place < len(_SERIES) else _LEVEL


def _picture(
    paint: Callable[[Any], None], width: float, axis: str, *, margin: float = 0.02, long_words: bool = False
) -> str:
    # Imported here: matplotlib takes half a second, and only pages need it.
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(width, _HEIGHT), dpi=_POINTS)
        canvas = FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        axes.grid(axis="y", color=_RULE, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.margins(x=margin)
        paint(axes)
        axes.set_xlabel(axis)
        _make_room(figure, axes, long_words)
        text = io.StringIO()
        # Not savefig, which draws everything once more to find out where it lies.
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        canvas.print_svg(text, metadata=nothing)  # type: ignore[no-untyped-call]  # matplotlib's
    return _for_page(text.getvalue())


def _make_room(figure: Any, axes: Any, long_words: bool) -> None:
    """Leave what the words of the vertical axis take, which depends on the values, and what all others may take.

    A layout engine of matplotlib's would measure both axes twice and take half of a chart's time.

    long_words: whether the words of the horizontal axis may stand out on the right or the left.
    """
    width, height = figure.get_size_inches() * _POINTS
    figure.subplots_adjust(_BESIDE / width, _BELOW / height, 1 - _MARGIN / width, 1 - _MARGIN / height)
    words = axes.yaxis.get_tightbbox()
    if words is None:  # no value that could be shown
        return
    left = _BESIDE + _PAD - words.x0
    top = _MARGIN + max(0.0, words.y1 - axes.bbox.y1)
    figure.subplots_adjust(left=left / width, top=1 - top / height)
    if long_words:
        below = axes.xaxis.get_tightbbox()
        left += max(0.0, _PAD - below.x0)
        right = _MARGIN + max(0.0, below.x1 + _PAD - width)
        figure.subplots_adjust(left=left / width, right=1 - right / width)


def _scale(axes: Any, curves: Sequence[Curve], levels: Sequence[float], bounds: tuple[float, float] | None) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator  # as above

    _scale_values(axes, [value for curve in curves for value in curve.values], levels, bounds)
    epochs = {epoch for curve in curves for epoch in curve.epochs}
    furthest = max(epochs, default=0)
    if len(epochs) == 1:
        axes.set_xticks([furthest])
    else:
        whole = furthest >= 3 or all(epoch % 1 == 0 for epoch in epochs)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=_ROUND, integer=whole))
    if furthest >= 10_000:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 200k, 1.2M


def _scale_values(axes: Any, found: list[float], levels: Sequence[float], bounds: tuple[float, float] | None) -> None:
    from matplotlib.ticker import MaxNLocator  # as above

    values = [value for value in found if math.isfinite(value)]
    if bounds is None and _is_logarithmic(values):
        axes.set_yscale("log")
        _few_ticks(axes.yaxis)
    elif values:
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=_ROUND))
        axes.set_ylim(bounds or _bounds(values, levels))


def _scale_places(axes: Any, places: list[float]) -> None:
    """Ticks where dots stand, if there are few places that lie apart."""
    from matplotlib.ticker import MaxNLocator, NullLocator  # as above

    if places[0] > 0 and places[-1] >= _LOGARITHMIC * places[0]:
        axes.set_xscale("log")
        _few_ticks(axes.xaxis)
        heights = [math.log(place) for place in places]
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        heights = places
    gaps = [after - before for before, after in itertools.pairwise(heights)]
    if gaps and min(gaps) > (heights[-1] - heights[0]) / 8:
        axes.set_xticks(places, [f"{place:g}" for place in places])
        axes.xaxis.set_minor_locator(NullLocator())


def _few_ticks(axis: Any) -> None:
    """Plain numbers on a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullLocator  # as above

    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=7))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


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
    # The page's font; matplotlib names one that few machines have, in one of two ways.
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r" font-family: [^;\"]*;", "", svg)
    return svg.replace("<svg ", '<svg role="img" ', 1)
