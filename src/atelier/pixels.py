"""The border between pictures and networks: the one module that knows both ranges."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey: ITU-R BT.601, as Pillow's "L" mode has them."""


def to_unit(images: Tensor) -> Tensor:
    """uint8 in 0..255 to float32 in [-1, 1], of any shape: x / 127.5 − 1."""
    return images.float().div_(127.5).sub_(1.0)


def as_unit(images: Tensor) -> Tensor:
    """float32 in [-1, 1] of bytes, and what is floats already as it is."""
    return to_unit(images) if images.dtype == torch.uint8 else images


def to_bytes(images: Tensor) -> Tensor:
    """Floats in [-1, 1] to uint8 in 0..255, of any shape; what lies outside is clamped.

    The inverse of :func:`to_unit` on all 256 values.
    """
    # Half precision has too few digits for 256 levels once the offset is added.
    return images.float().add(1.0).mul_(127.5).round_().clamp_(0.0, 255.0).to(torch.uint8)


def as_bytes(images: Tensor) -> Tensor:
    """uint8 in 0..255 of floats in [-1, 1], and what is bytes already as it is."""
    return images if images.dtype == torch.uint8 else to_bytes(images)


def to_levels(images: Tensor) -> Tensor:
    """Floats in [-1, 1] to levels in [0, 1] (0 = black), as formulas of reconstruction have them."""
    return images.add(1.0).mul(0.5)


def from_levels(levels: Tensor) -> Tensor:
    """Levels in [0, 1] back to [-1, 1]."""
    return levels.mul(2.0).sub(1.0)
