"""A generator on an image of any size: what it cannot halve is padded, what is large goes through in tiles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from atelier.network.sides import Sides
from atelier.pixels import to_bytes, to_unit


class Tiling(NamedTuple):
    """How large images are cut: into tiles of at most ``side`` pixels (None: never), sharing ``overlap`` pixels."""

    side: int | None
    overlap: int


class Axis(NamedTuple):
    """One axis of an image in tiles.

    starts: first pixel of each tile, multiples of what the network's sides are.
    side: pixels of each tile; the last may end beyond the image.
    weights: ``[tiles, side]``, each tile's share in what stands there; over the tiles they sum to 1.
    """

    starts: list[int]
    side: int
    weights: Tensor


@torch.inference_mode()
def translate_image(network: nn.Module, image: Tensor, sides: Sides, tiling: Tiling) -> Tensor:
    """The translation, uint8 ``[C', H, W]`` on the CPU, of an image, uint8 ``[C, H, W]``, of any size.

    Beyond its edges the image goes on as its mirror image until the size is one that the network keeps; that is
    cut off again. Memory is that of the network on one tile, and one row of tiles in float32.

    Neighbouring tiles share ``tiling.overlap`` pixels or more. A tile's outermost quarter of that is not used: the
    network has seen an edge there that is none. Over the half between, one tile fades into the other. So where the
    overlap is at least twice the receptive field of a network, the tiles are exactly the whole. A generator with
    instance normalization sees the whole image, by its means and variances: each tile is then translated with its
    own contrast and colour, and the whole is not what the network would make of it in one piece.
    """
    height, width = image.shape[1:]
    rows, columns = cut(height, sides, tiling), cut(width, sides, tiling)
    bands = [to_bytes(band) for band in _bands(network, image, rows, columns)]
    return torch.cat(bands, dim=1)[:, :height, :width]


def cut(size: int, sides: Sides, tiling: Tiling) -> Axis:
    """``size`` pixels in as few tiles as will do, evenly spread.

    Tiles become larger than asked for where the network's sides would else leave no room for the overlap.
    """
    unit, whole = sides.multiple, sides.at_least(size)
    overlap = -(-tiling.overlap // unit) * unit
    side = whole if tiling.side is None else max(tiling.side // unit * unit, sides.smallest, overlap + unit)
    if whole <= side:
        return Axis([0], whole, torch.ones(1, whole))
    steps = -(-(whole - side) // (side - overlap))
    starts = [place * ((whole - side) // unit) // steps * unit for place in range(steps + 1)]
    return Axis(starts, side, _weights(starts, side, overlap))


def _weights(starts: list[int], side: int, overlap: int) -> Tensor:
    """Shares of tiles that fade into each other halfway between their edges.

    With s(x) rising from 0 to 1 around 0 and the cuts c_i, tile i has s(x − c_(i−1)) − s(x − c_i): whatever the
    cuts, these sum to 1.
    """
    middles = [(left + side + right) / 2 for left, right in pairwise(starts)]
    cuts = torch.tensor([-math.inf, *middles, math.inf])
    pixels = torch.tensor(starts)[:, None] + torch.arange(side) + 0.5
    risen, falling = (
        ((pixels - border[:, None]) / max(overlap / 2, 1) + 0.5).clamp(0, 1) for border in (cuts[:-1], cuts[1:])
    )
    return risen - falling


def _bands(network: nn.Module, image: Tensor, rows: Axis, columns: Axis) -> Iterator[Tensor]:
    """The translation from top to bottom, each part as soon as no further tile reaches into it."""
    pending = None
    for start, following, shares in zip(rows.starts, [*rows.starts[1:], None], rows.weights, strict=True):
        band = _row(network, image, start, rows.side, columns) * shares[:, None]
        if pending is not None:
            band[:, : pending.shape[1]] += pending
        done = rows.side if following is None else following - start
        yield band[:, :done]
        pending = band[:, done:]


def _row(network: nn.Module, image: Tensor, start: int, side: int, columns: Axis) -> Tensor:
    """One row of tiles, ``[C', side, W]``, blended where they overlap."""
    device = next(network.parameters()).device
    slab = image[:, _mirrored(start, side, image.shape[1])]
    row: Tensor | None = None
    for left, shares in zip(columns.starts, columns.weights, strict=True):
        tile = slab[:, :, _mirrored(left, columns.side, image.shape[2])]
        made = network(to_unit(tile[None].to(device)))[0].float().cpu()
        assert made.shape[1:] == tile.shape[1:], "a generator keeps the sizes that it takes"
        if row is None:
            row = made.new_zeros(len(made), side, columns.starts[-1] + columns.side)
        row[:, :, left : left + columns.side] += made * shares
    assert row is not None, "an axis has at least one tile"
    return row


def _mirrored(start: int, count: int, size: int) -> Tensor:
    """Pixels ``start`` to ``start + count`` of an axis of ``size`` pixels that is mirrored at its ends for ever."""
    if size == 1:
        return torch.zeros(count, dtype=torch.int64)
    period = 2 * (size - 1)
    places = torch.arange(start, start + count) % period
    return torch.minimum(places, period - places)
