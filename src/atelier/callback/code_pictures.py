"""Pictures of a code: what its units look for, how busy they are, and how it lays out the images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from atelier.callback.picture import Drawn, tile
from atelier.metric.activity import mean_activations
from atelier.metric.code_splits import Coded, Numbers
from atelier.metric.principal import Principal

_MOST_FILTERS = 196
_WHITE = 255  # gaps that cannot be taken for a weight of 0
_INK, _RULE, _MARK = "#6b7280", "#c8ccd1", "#d9622b"


def filters(weights: Tensor, side: int) -> Drawn:
    """Weights ``[n, C, h, w]`` as a grid of images: grey is 0, and each filter's largest weight is black or white."""
    shown = weights[:_MOST_FILTERS].float().cpu()
    shown = shown if shown.shape[1] in (1, 3) else shown.mean(1, keepdim=True)
    largest = shown.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
    columns = math.ceil(math.sqrt(len(shown)))
    return tile(shown / largest, columns, side, ground=_WHITE)


def histogram(codes: Numbers, rho: float | None) -> Drawn:
    """How many units have which mean activation, with the wanted one drawn in."""
    means = mean_activations(codes)

    def draw(axes: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        top = max(means.max(), rho or 0.0)
        low = min(means.min(), 0.0)
        axes.hist(means, bins=np.linspace(low, top + 0.05 * (top - low or 1.0), 41).tolist(), color="#2f6fde")
        if rho is not None:
            axes.axvline(rho, color=_MARK, linewidth=1.6, dashes=(5, 3), label=f"wanted: ρ = {rho:g}")
            axes.legend(frameon=False, labelcolor=_INK)
        axes.set_xlabel("mean activation over held-out images")
        axes.set_ylabel("units")
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))

    return _plot(draw, height=3.6)


def atlas(coded: Coded) -> Drawn:
    """The codes' two principal components, one colour per label."""
    places = Principal(coded.codes, 2).encode(coded.codes)
    if places.shape[1] < 2:  # a code of one unit, or one image
        places = np.concatenate([places, np.zeros_like(places)], axis=1)

    def draw(axes: Any) -> None:
        from matplotlib import colormaps

        labels = np.zeros(len(places), np.int64) if coded.labels is None else coded.labels
        kinds = np.unique(labels)
        colours = colormaps["tab10" if len(kinds) <= 10 else "tab20"]
        size = float(np.clip(6000 / len(places), 3, 20))
        for number, kind in enumerate(kinds):
            here = places[labels == kind]
            colour = colours(number % colours.N)
            axes.scatter(here[:, 0], here[:, 1], s=size, color=colour, alpha=0.65, linewidths=0, label=str(kind))
        if 1 < len(kinds) <= 20:
            axes.legend(frameon=False, labelcolor=_INK, markerscale=2, loc="center left", bbox_to_anchor=(1, 0.5))
        axes.set_xlabel("first principal component of the code")
        axes.set_ylabel("second")

    return _plot(draw, height=5.2)


def _plot(draw: Callable[[Any], None], height: float) -> Drawn:
    # Imported here: matplotlib takes half a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, height), dpi=120, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw(axes)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_RULE)
    axes.tick_params(colors=_INK, labelsize=8)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
