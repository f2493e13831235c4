"""How alike two images are: one formula of each measure for losses and scores."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

# Wang et al. 2004, section III-C: Gaussian windows of 11 pixels, σ = 1.5. Smaller images get windows of 5 pixels.
_SIGMA, _WINDOW = 1.5, 11
_SMALL_SIGMA, SMALLEST = 0.7, 5
_C1, _C2 = 0.01**2, 0.03**2


def psnr(mean_square: float, span: float) -> float:
    """Peak signal-to-noise ratio in dB, 10 log₁₀ (span² / mean squared error); infinite for equal images.

    span: from the lowest level to the highest.
    """
    return 10 * math.log10(span**2 / mean_square) if mean_square > 0 else math.inf


def window(height: int, width: int) -> int:
    """Side of the windows in pixels for images of this size; they have at least :data:`SMALLEST` pixels a side."""
    return _WINDOW if min(height, width) >= _WINDOW else SMALLEST


def described(window: int) -> str:
    """Windows of that side in words, for the protocols of scores."""
    return f"Gaussian, {window} px (Wang et al. 2004)"


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of each pair, ``[B]`` in [-1, 1], of levels ``[B, C, H, W]`` in [0, 1].

    Wang, Bovik, Sheikh & Simoncelli 2004, eq. 13, averaged over channels and all windows that lie inside the image.
    float32 outside autocast, differentiable; 1 for equal images, also for constant ones.
    """
    with torch.autocast(first.device.type, enabled=False):
        x, y = first.float(), second.float()
        mean_x, mean_y, square_x, square_y, product = _local_means([x, y, x * x, y * y, x * y])
        variances = (square_x - mean_x.square()) + (square_y - mean_y.square())
        covariance = product - mean_x * mean_y
        luminance = (2 * mean_x * mean_y + _C1) / (mean_x.square() + mean_y.square() + _C1)
        structure = (2 * covariance + _C2) / (variances + _C2)
        return (luminance * structure).flatten(1).mean(1)


def _local_means(maps: list[Tensor]) -> tuple[Tensor, ...]:
    """Gaussian means of ``[B, C, H, W]`` over all whole windows; the Gaussian is separable."""
    batch, channels, height, width = maps[0].shape
    side = window(height, width)
    places = torch.arange(side, device=maps[0].device, dtype=torch.float32) - side // 2
    line = torch.exp(-places.square() / (2 * (_SIGMA if side == _WINDOW else _SMALL_SIGMA) ** 2))
    line = line / line.sum()
    stacked = torch.cat(maps).flatten(0, 1)[:, None]
    means = F.conv2d(F.conv2d(stacked, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))
    return means.view(len(maps), batch, channels, *means.shape[-2:]).unbind(0)
