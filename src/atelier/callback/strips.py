"""Translations as strips: what stands beside what, for images of any size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from atelier.callback.picture import GROUND, Drawn, tile
from atelier.pixels import to_unit
from atelier.types import Mistake

_BETWEEN = 40  # of a sheet's width, a gap between two sheets takes one: more than the gaps within

Strip = Sequence[Tensor]
"""Images ``[C, H, W]`` in [-1, 1] that belong together, from left to right."""


class Strips:
    """Sheets of strips side by side, small images enlarged by whole factors, large ones shrunk.

    rows: strips of each sheet.
    side: width in pixels that small images are enlarged to, over all sheets.
    largest: longer side in pixels that larger images are shrunk to.
    """

    def __init__(self, rows: int, side: int, largest: int) -> None:
        if rows < 1:
            raise Mistake(f"picture.rows={rows}: at least one image of each domain is drawn")
        if side < 1 or largest < 1:
            raise Mistake(f"picture.side={side} and picture.largest={largest}: numbers of pixels above 0")
        self.rows, self.side, self.largest = rows, side, largest

    def draw(self, sheets: Sequence[Sequence[Strip]]) -> Drawn:
        """One picture ``[H, W, 3]`` uint8: the sheets from left to right, a sheet's strips from top to bottom.

        All images share one cell's size; smaller ones stand in its middle.
        """
        shown = [[[_fit(image, self.largest) for image in strip] for strip in sheet] for sheet in sheets]
        every = [image for sheet in shown for strip in sheet for image in strip]
        height, width = (max(image.shape[axis] for image in every) for axis in (-2, -1))
        drawn = [
            tile(
                torch.stack([_centred(image, height, width) for strip in sheet for image in strip]),
                len(sheet[0]),
                self.side // len(shown),
            )
            for sheet in shown
        ]
        return _beside(drawn)


def _fit(image: Tensor, largest: int) -> Tensor:
    """The image ``[3, h, w]`` on the CPU, with a longer side of at most ``largest``."""
    colour = image.detach().float().cpu().expand(3, -1, -1)
    factor = largest / max(colour.shape[-2:])
    if factor >= 1:
        return colour
    size = [max(1, round(length * factor)) for length in colour.shape[-2:]]
    return F.interpolate(colour[None], size, mode="bilinear", antialias=True, align_corners=False)[0]


def _centred(image: Tensor, height: int, width: int) -> Tensor:
    """The image ``[C, h, w]`` in the middle of a cell ``[C, height, width]``."""
    across, down = width - image.shape[-1], height - image.shape[-2]
    margins = [across // 2, across - across // 2, down // 2, down - down // 2]
    ground = to_unit(torch.tensor(GROUND)).item()
    return F.pad(image, margins, value=ground)


def _beside(sheets: Sequence[Drawn]) -> Drawn:
    height = max(len(sheet) for sheet in sheets)
    gap = max(8, sheets[0].shape[1] // _BETWEEN)
    parts: list[Drawn] = []
    for sheet in sheets:
        rest = np.full((height - len(sheet), sheet.shape[1], 3), GROUND, np.uint8)
        parts += [np.concatenate([sheet, rest]), np.full((height, gap, 3), GROUND, np.uint8)]
    return np.concatenate(parts[:-1], axis=1)
