"""How a model's output is drawn."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from atelier.pixels import to_bytes
from atelier.types import Mistake

Drawn = NDArray[np.uint8]

_GAP = 0.06  # between two images of a grid, as a share of an image's side
GROUND = 110  # grey of the gaps: neither vanishes on black nor on white images


class Picture(Protocol):
    """Draws fakes (and reals beside them, where that helps) as one picture ``[H, W, 3]`` uint8.

    count: how many fakes it wants. reals: how many reals it wants.
    """

    count: int
    reals: int

    def draw(self, fake: Tensor, real: Tensor | None) -> Drawn:
        """One picture of ``fake`` ``[N, C, H, W]`` in [-1, 1]."""
        ...

    def walk(self, fake: Tensor, rows: int) -> Drawn:
        """One picture of ``rows`` walks through latent space, ``[rows * steps, C, H, W]`` row after row."""
        ...


class Grid:
    """Images in rows and columns, enlarged by whole factors until the grid is about ``side`` pixels wide.

    rows, columns: of the grid of samples.
    """

    reals = 0

    def __init__(self, rows: int, columns: int, side: int) -> None:
        if rows < 1 or columns < 1:
            raise Mistake(f"picture.rows={rows} and picture.columns={columns}: a grid has at least one of each")
        if side < 1:
            raise Mistake(f"picture.side={side}: the width to reach is a number of pixels above 0")
        self.rows, self.columns, self.side = rows, columns, side
        self.count = rows * columns

    def draw(self, fake: Tensor, real: Tensor | None) -> Drawn:
        """The fakes in reading order."""
        return tile(fake, self.columns, self.side)

    def walk(self, fake: Tensor, rows: int) -> Drawn:
        """One walk per row."""
        return tile(fake, len(fake) // rows, self.side)


def tile(images: Tensor, columns: int, side: int, ground: int = GROUND) -> Drawn:
    """Images ``[N, C, H, W]`` in [-1, 1] in reading order, enlarged until they are about ``side`` pixels wide.

    ground: grey of the gaps.
    """
    count, channels, height, width = images.shape
    if channels not in (1, 3):
        raise Mistake(f"picture=grid draws grey or colour images, not {channels} channels; points: picture=scatter")
    factor = max(1, round(side / (columns * width)))
    pixels = to_bytes(images).float()
    pixels = F.interpolate(pixels, scale_factor=factor, mode="nearest").expand(-1, 3, -1, -1)
    height, width = height * factor, width * factor
    gap = max(1, round(_GAP * min(height, width) / 2))
    rows = math.ceil(count / columns)
    sheet = torch.full((3, rows * (height + gap) - gap, columns * (width + gap) - gap), float(ground))
    for place, image in enumerate(pixels.cpu()):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    return sheet.permute(1, 2, 0).to(torch.uint8).contiguous().numpy()


class Pairs:
    """Images with their reconstructions to the right of them, in ``rows`` and ``columns`` of pairs.

    side: see :class:`Grid`.
    """

    def __init__(self, rows: int, columns: int, side: int) -> None:
        self._grid = Grid(rows, columns, side)
        self.count = self.reals = rows * columns

    def draw(self, fake: Tensor, real: Tensor | None) -> Drawn:
        """The pairs in reading order."""
        assert real is not None, "a reconstruction stands beside its image"
        return self._grid.draw(torch.cat([real, fake], dim=-1), None)

    def walk(self, fake: Tensor, rows: int) -> Drawn:
        """One walk per row."""
        return self._grid.walk(fake, rows)


class Scatter:
    """Points of the plane, reals behind fakes, for data ``[N, 2, 1, 1]`` in [-1, 1].

    count: points of each kind.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise Mistake(f"picture.count={count}: at least one point is drawn")
        self.count = self.reals = count

    def draw(self, fake: Tensor, real: Tensor | None) -> Drawn:
        """Both clouds in the square from -1 to 1."""
        clouds = [] if real is None else [(_points(real), "real", "#9aa5b1", 9.0)]
        return self._plot([*clouds, (_points(fake), "fake", "#e8590c", 7.0)], walks=None)

    def walk(self, fake: Tensor, rows: int) -> Drawn:
        """Each walk as a line through its points."""
        return self._plot([], walks=_points(fake).reshape(rows, -1, 2))

    def _plot(
        self, clouds: list[tuple[NDArray[np.float32], str, str, float]], walks: NDArray[np.float32] | None
    ) -> Drawn:
        # Imported here: matplotlib takes half a second, and most runs draw grids.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5.6, 5.6), dpi=120, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        axes = figure.add_subplot(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
        for points, label, colour, size in clouds:
            axes.scatter(points[:, 0], points[:, 1], s=size, c=colour, alpha=0.55, linewidths=0, label=label)
        for walk in [] if walks is None else walks:
            axes.plot(walk[:, 0], walk[:, 1], marker=".", linewidth=1.2, alpha=0.8)
        if clouds:
            axes.legend(loc="upper right", frameon=False, markerscale=2.5)
        for side in axes.spines.values():
            side.set_color("#c8ccd1")
        axes.tick_params(colors="#6b7280", labelsize=8)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _points(images: Tensor) -> NDArray[np.float32]:
    if images[0].numel() != 2:
        raise Mistake(f"picture=scatter draws points of two numbers, not {tuple(images.shape[1:])}; try picture=grid")
    points: NDArray[np.float32] = images.detach().flatten(1).float().cpu().numpy()
    return points
