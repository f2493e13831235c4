"""Winograd's convolution by hand, some rows of tiles at a time.

See :mod:`atelier.network.winograd` for the formula. The 16 products of a strip stay in the processor's cache, and
memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from atelier.network.flat_conv import gradients_by_torch
from atelier.network.winograd_kernels import for_products, from_products

# Tiles that are transformed together.
_TILES = 512


class Strips(Function):
    """A convolution of ``[B, in, H, W]`` with ``[out, in, 3, 3]`` and a bias or None; twice differentiable."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """``[B, out, H − 2, W − 2]``."""
        ctx.save_for_backward(images, weight)
        return _convolved(images, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """The gradients for images, weight and bias."""
        images, weight = ctx.saved_tensors
        wanted = list(ctx.needs_input_grad)
        if torch.is_grad_enabled():  # a penalty differentiates this very pass, which torch's own allows
            return gradients_by_torch(gradients[0], images, weight, 0, wanted)
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        for_images, for_weight = _gradients(gradient, images, weight, wanted[0], wanted[1])
        return for_images, for_weight, gradient.sum((0, 2, 3)) if wanted[2] else None


def _convolved(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    height, width = images.shape[2] - 2, images.shape[3] - 2
    pixels, kernels = _even(images), for_products(weight)
    count, rows, columns = len(pixels), pixels.shape[1] // 2 - 1, pixels.shape[2] // 2 - 1
    made = pixels.new_empty(count, rows, 2, columns, 2, len(weight))
    for some in _strips(count, rows, columns):
        tiles = _tiles_of(pixels[:, 2 * some.start : 2 * some.stop + 2])
        products = torch.bmm(tiles.view(16, -1, weight.shape[1]), kernels.transpose(1, 2))
        products = products.view(4, 4, count, len(some), columns, len(weight))
        if bias is not None:
            products[1, 1] += bias  # Aᵀ spreads this product over all four pixels
        _put_pixels(products, made[:, some.start : some.stop])
    flat = made.view(count, 2 * rows, 2 * columns, len(weight)).permute(0, 3, 1, 2)
    return flat if flat.shape[2:] == (height, width) else _dense(flat[:, :, :height, :width])


def _gradients(
    gradient: Tensor, images: Tensor, weight: Tensor, for_images: bool, for_weight: bool
) -> tuple[Tensor | None, Tensor | None]:
    """The adjoint of :func:`_convolved`."""
    pixels, kernels = _even(images), for_products(weight)
    count, rows, columns = len(pixels), pixels.shape[1] // 2 - 1, pixels.shape[2] // 2 - 1
    coming = _even(gradient)
    of_pixels = torch.zeros_like(pixels) if for_images else None
    of_kernels = torch.zeros_like(kernels) if for_weight else None
    for some in _strips(count, rows, columns):
        products = _products_of(coming[:, 2 * some.start : 2 * some.stop]).view(16, -1, len(weight))
        part = slice(2 * some.start, 2 * some.stop + 2)
        if of_pixels is not None:
            tiles = torch.bmm(products, kernels).view(4, 4, count, len(some), columns, weight.shape[1])
            _add_pixels(tiles, of_pixels[:, part])
        if of_kernels is not None:
            tiles = _tiles_of(pixels[:, part]).view(16, -1, weight.shape[1])
            of_kernels.baddbmm_(products.transpose(1, 2), tiles)
    found = None
    if of_pixels is not None:
        found = of_pixels.permute(0, 3, 1, 2)
        found = found if found.shape == images.shape else _dense(found[:, :, : images.shape[2], : images.shape[3]])
    return found, None if of_kernels is None else from_products(of_kernels)


def _strips(count: int, rows: int, columns: int) -> Iterator[range]:
    """Rows of tiles that are looked at together."""
    several = max(1, _TILES // (count * columns))
    return (range(first, min(first + several, rows)) for first in range(0, rows, several))


def _even(images: Tensor) -> Tensor:
    """``[B, H, W, C]`` of ``[B, C, H, W]``, with a row and a column of zeros where a side is odd."""
    down, right = images.shape[2] % 2, images.shape[3] % 2
    pixels = images.permute(0, 2, 3, 1)
    return F.pad(pixels, (0, 0, 0, right, 0, down)) if down or right else pixels


def _dense(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


# --- pixels to tiles: Bᵀ d B --------------------------------------------------------------------------------------


def _tiles_of(pixels: Tensor) -> Tensor:
    """``[4, 4, B, n, m, C]`` of ``[B, 2n + 2, 2m + 2, C]``: first the column, then the row in its tile."""
    count, height, width, channels = pixels.shape
    rows, columns = height // 2 - 1, width // 2 - 1
    half = pixels.new_empty(4, count, rows, width, channels)
    _spread(pixels[:, 0::2], pixels[:, 1::2], half, dim=1)
    tiles = pixels.new_empty(4, 4, count, rows, columns, channels)
    _spread(half[..., 0::2, :], half[..., 1::2, :], tiles, dim=3)
    return tiles


def _spread(even: Tensor, odd: Tensor, into: Tensor, dim: int) -> None:
    """Bᵀ along one side: lines of even and of odd number, one more of each than there are tiles, into the four sums."""
    tiles = even.shape[dim] - 1
    first, third = even.narrow(dim, 0, tiles), even.narrow(dim, 1, tiles)
    second, fourth = odd.narrow(dim, 0, tiles), odd.narrow(dim, 1, tiles)
    torch.sub(first, third, out=into[0])
    torch.add(second, third, out=into[1])
    torch.sub(third, second, out=into[2])
    torch.sub(second, fourth, out=into[3])


def _add_pixels(tiles: Tensor, pixels: Tensor) -> None:
    """The adjoint of :func:`_tiles_of`, added to ``pixels``."""
    _, _, count, rows, columns, channels = tiles.shape
    half = tiles.new_zeros(4, count, rows, 2 * columns + 2, channels)
    _gather(tiles, half[..., 0::2, :], half[..., 1::2, :], dim=3)
    _gather(half, pixels[:, 0::2], pixels[:, 1::2], dim=1)


def _gather(sums: Tensor, even: Tensor, odd: Tensor, dim: int) -> None:
    """The adjoint of :func:`_spread`, added to the lines."""
    tiles = even.shape[dim] - 1
    even.narrow(dim, 0, tiles).add_(sums[0])
    even.narrow(dim, 1, tiles).add_(sums[1]).add_(sums[2]).sub_(sums[0])
    odd.narrow(dim, 0, tiles).add_(sums[1]).sub_(sums[2]).add_(sums[3])
    odd.narrow(dim, 1, tiles).sub_(sums[3])


# --- products to pixels: Aᵀ m A -----------------------------------------------------------------------------------


def _put_pixels(products: Tensor, pixels: Tensor) -> None:
    """``[B, n, 2, m, 2, C]`` of ``[4, 4, B, n, m, C]``."""
    half = products.new_empty(2, 4, *products.shape[2:])
    _fold(products.unbind(dim=1), half[0], half[1])
    even, odd = pixels.unbind(dim=4)
    for column, folded in ((even, _folded(half, 0)), (odd, _folded(half, 1))):
        column.copy_(folded.permute(1, 2, 0, 3, 4))


def _fold(sums: tuple[Tensor, ...], first: Tensor, second: Tensor) -> None:
    """Aᵀ along one side: four sums into the two pixels of their tile."""
    torch.add(sums[0], sums[1], out=first).add_(sums[2])
    torch.sub(sums[1], sums[2], out=second).sub_(sums[3])


def _folded(half: Tensor, which: int) -> Tensor:
    """As :func:`_fold`, one of the two."""
    sums = half.unbind(dim=1)
    return (sums[0] + sums[1]).add_(sums[2]) if which == 0 else (sums[1] - sums[2]).sub_(sums[3])


def _products_of(pixels: Tensor) -> Tensor:
    """The adjoint of :func:`_put_pixels`: ``[4, 4, B, n, m, C]`` of ``[B, 2n, 2m, C]``."""
    count, height, width, channels = pixels.shape
    half = pixels.new_empty(4, count, height // 2, width, channels)
    _unfold(pixels[:, 0::2], pixels[:, 1::2], half)
    products = pixels.new_empty(4, 4, count, height // 2, width // 2, channels)
    _unfold(half[..., 0::2, :], half[..., 1::2, :], products)
    return products


def _unfold(first: Tensor, second: Tensor, into: Tensor) -> None:
    """The adjoint of :func:`_fold`."""
    into[0].copy_(first)
    torch.add(first, second, out=into[1])
    torch.sub(first, second, out=into[2])
    torch.neg(second, out=into[3])
