"""Structural similarity: one formula for the loss and for the score."""

from __future__ import annotations

import torch
from torch import Tensor

# Wang et al. 2004, section III-C: Gaussian windows of 11 pixels, σ = 1.5. Smaller images get windows of 5 pixels.
_SIGMA, _WINDOW = 1.5, 11
_SMALL_SIGMA, SMALLEST = 0.5, 5


def window(height: int, width: int) -> int:
    """Side of the windows in pixels for images of this size; they have at least :data:`SMALLEST` pixels a side."""
    return _WINDOW if min(height, width) >= _WINDOW else SMALLEST


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of each pair, ``[B]`` in [-1, 1], of levels ``[B, C, H, W]`` in [0, 1].

    Wang, Bovik, Sheikh & Simoncelli 2004, eq. 13, averaged over all windows that lie inside the image. float32
    outside autocast, differentiable; 1 for equal images, also for constant ones.
    """
    from torchmetrics.functional.image.ssim import structural_similarity_index_measure  # takes a second to import

    sigma = _SIGMA if window(*first.shape[-2:]) == _WINDOW else _SMALL_SIGMA
    with torch.autocast(first.device.type, enabled=False):
        similarity = structural_similarity_index_measure(
            first.float(), second.float(), sigma=sigma, data_range=1.0, reduction="none"
        )
    assert isinstance(similarity, Tensor)
    return similarity.reshape(len(first))
