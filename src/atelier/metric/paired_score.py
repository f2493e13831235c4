"""How like its counterpart each image is, and what that comes to over a whole pass."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from atelier.pixels import to_levels
from atelier.similarity import SMALLEST, psnr, ssim

NUMBERS = 3
"""Columns of :func:`paired_scores`."""


def paired_scores(images: Tensor, counterparts: Tensor) -> Tensor:
    """Mean |x − y|, mean (x − y)² and SSIM of each pair, float32 ``[B, 3]``, of two ``[B, C, H, W]`` in [-1, 1].

    The first two are in units of that range (0 to 2, and 0 to 4); the third is of levels in [0, 1], and NaN for
    images below 5 pixels a side.
    """
    x, y = images.float(), counterparts.float()
    assert x.shape == y.shape, (x.shape, y.shape)
    apart = (x - y).flatten(1)
    large = min(x.shape[-2:]) >= SMALLEST
    alike = ssim(to_levels(x), to_levels(y)) if large else apart.new_full((len(x),), math.nan)
    return torch.stack([apart.abs().mean(1), apart.square().mean(1), alike], dim=1)


def figures_of(rows: Tensor) -> dict[str, float]:
    """l1, psnr (dB) and ssim of rows ``[N, 3]`` of :func:`paired_scores`: means over images, summed in float64.

    psnr is of the mean of all squared errors; ssim is left out where one image had none.
    """
    l1, square, alike = rows.detach().cpu().double().mean(0).tolist()
    figures = {"l1": l1, "psnr": psnr(square, span=2)}
    return figures if math.isnan(alike) else {**figures, "ssim": alike}
