"""Winograd's convolution as formulas: a compiler makes one loop of each step, with what surrounds it.

The steps are those of :mod:`atelier.network.winograd_strips`. There each addition writes its sums into memory given to
it, which a compiler would have to respect; here nothing is written but the products' factors and the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from atelier.network.winograd_kernels import for_products

# Tiles that are transformed together, as in winograd_strips; but a compiler takes as long for every further band.
_TILES, _MOST_BANDS = 512, 4


def in_bands(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The convolution of ``[B, in, H, W]`` some rows at a time, so that their products stay in the cache."""
    rows, columns = (-(-(side - 2) // 2) for side in images.shape[2:])
    several = max(_TILES // (len(images) * columns), -(-rows // _MOST_BANDS))
    bands = [images[:, :, 2 * first : 2 * (first + several) + 2] for first in range(0, rows, several)]
    kernels = for_products(weight)
    return torch.cat([Fused.apply(band, kernels, bias) for band in bands], dim=2)


class Fused(Function):
    """A convolution of ``[B, in, H, W]`` with kernels ``[16, out, in]`` and a bias or None, and its gradients."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
        """``[B, out, H − 2, W − 2]``."""
        ctx.save_for_backward(images, kernels)
        height, width = images.shape[2] - 2, images.shape[3] - 2
        products = torch.bmm(_tiles_of(_even(images)), kernels.transpose(1, 2))
        made = _pixels_of(products, len(images), -(-height // 2), -(-width // 2))[:, :height, :width]
        return (made if bias is None else made + bias).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """The gradients for images, kernels and bias."""
        images, kernels = ctx.saved_tensors
        height, width = images.shape[2:]
        coming = _even(gradients[0])
        products = _products_of(coming)
        for_images = for_kernels = None
        if ctx.needs_input_grad[0]:
            tiles = torch.bmm(products, kernels)
            found = _summed(tiles, len(images), coming.shape[1] // 2, coming.shape[2] // 2)
            for_images = found[:, :height, :width].permute(0, 3, 1, 2)
        if ctx.needs_input_grad[1]:
            for_kernels = torch.bmm(products.transpose(1, 2), _tiles_of(_even(images)))
        return for_images, for_kernels, gradients[0].sum((0, 2, 3)) if ctx.needs_input_grad[2] else None


def _even(images: Tensor) -> Tensor:
    """``[B, H, W, C]`` of ``[B, C, H, W]``, with a row and a column of zeros where a side is odd."""
    pixels = images.permute(0, 2, 3, 1)
    return F.pad(pixels, (0, 0, 0, images.shape[3] % 2, 0, images.shape[2] % 2))


def _stacked(squares: Sequence[Sequence[Tensor]]) -> Tensor:
    """``[16, tiles, C]`` of 4 × 4 planes, row by row in a tile: a product's place is 4 · column + row."""
    return torch.stack([squares[row][column] for column in range(4) for row in range(4)]).flatten(1, 3)


def _planes(stacked: Tensor, count: int, rows: int, columns: int) -> list[tuple[Tensor, ...]]:
    """The reverse of :func:`_stacked`: 4 × 4 planes ``[B, n, m, C]``."""
    planes = stacked.view(4, 4, count, rows, columns, -1)
    return [planes[:, row].unbind(0) for row in range(4)]


def _tiles_of(pixels: Tensor) -> Tensor:
    """Bᵀ d B: ``[16, tiles, C]`` of ``[B, 2n + 2, 2m + 2, C]``."""
    rows, columns = pixels.shape[1] // 2 - 1, pixels.shape[2] // 2 - 1
    halves = _spread([pixels[:, first : first + 2 * rows : 2] for first in range(4)])
    return _stacked([_spread([half[:, :, first : first + 2 * columns : 2] for first in range(4)]) for half in halves])


def _spread(lines: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Bᵀ along one side."""
    first, second, third, fourth = lines
    return first - third, second + third, third - second, second - fourth


def _summed(tiles: Tensor, count: int, rows: int, columns: int) -> Tensor:
    """The adjoint of :func:`_tiles_of`: what tiles that overlap say of a pixel is summed."""
    halves = [torch.stack(_gathered(planes, dim=2), 3).flatten(2, 3) for planes in _planes(tiles, count, rows, columns)]
    return torch.stack(_gathered(halves, dim=1), 2).flatten(1, 2)


def _gathered(sums: Sequence[Tensor], dim: int) -> tuple[Tensor, Tensor]:
    """The adjoint of :func:`_spread`: lines of even and of odd number, one more of each than there are tiles."""
    inner = (0, 0) * (3 - dim)

    def own(lines: Tensor) -> Tensor:
        return F.pad(lines, (*inner, 0, 1))

    def of_next(lines: Tensor) -> Tensor:
        return F.pad(lines, (*inner, 1, 0))

    first, second, third, fourth = sums
    return own(first) + of_next(second + third - first), own(second - third + fourth) - of_next(fourth)


def _pixels_of(products: Tensor, count: int, rows: int, columns: int) -> Tensor:
    """Aᵀ m A: ``[B, 2n, 2m, C]`` of ``[16, tiles, C]``."""
    halves = [_folded(planes) for planes in _planes(products, count, rows, columns)]
    upper_and_lower = [torch.stack(_folded(column), 2) for column in zip(*halves, strict=True)]
    return torch.stack(upper_and_lower, 4).view(count, 2 * rows, 2 * columns, -1)


def _folded(sums: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Aᵀ along one side: four sums into the two pixels of their tile."""
    first, second, third, fourth = sums
    return first + second + third, second - third - fourth


def _products_of(pixels: Tensor) -> Tensor:
    """The adjoint of :func:`_pixels_of`."""
    halves = _unfolded(pixels[:, 0::2], pixels[:, 1::2])
    return _stacked([_unfolded(half[:, :, 0::2], half[:, :, 1::2]) for half in halves])


def _unfolded(first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
    """The adjoint of :func:`_folded`."""
    return first, first + second, first - second, -second
