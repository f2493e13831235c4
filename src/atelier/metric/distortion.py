"""How far reconstructions are from their images, over a whole pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from atelier.pixels import to_levels
from atelier.similarity import SMALLEST, described, psnr, ssim, window


class Distortion(Metric):
    """Mean squared error, peak signal-to-noise ratio and structural similarity of levels in [0, 1].

    mse: mean over images and pixels. psnr: of that mean, in dB. ssim: mean over images (see
    :func:`atelier.similarity.ssim`); left out for images below 5 pixels a side. Sums are float64, so the figures do not
    depend on the batch size. Nothing of it goes into a checkpoint.
    """

    full_state_update = False
    names: Mapping[str, bool] = {"mse": False, "psnr": True, "ssim": True}
    squares: Tensor
    similarity: Tensor
    numbers: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        for state in ("squares", "similarity", "numbers", "images"):
            zero = torch.zeros((), dtype=torch.float64)
            self.add_state(state, default=zero, dist_reduce_fx="sum", persistent=False)
        self.count = self._window = 0

    def update(self, real: Tensor, reconstruction: Tensor) -> None:
        """Add B pairs of images ``[B, C, H, W]`` in [-1, 1]."""
        target, levels = (to_levels(images.float()).to(self.squares.device) for images in (real, reconstruction))
        self.squares += (levels - target).double().square().sum()
        self.numbers += target.numel()
        self.images += len(target)
        if min(target.shape[-2:]) >= SMALLEST:
            self.similarity += ssim(levels, target).double().sum()
            self._window = window(*target.shape[-2:])
        else:
            self.similarity += math.nan

    def compute(self) -> dict[str, float]:
        """The figures by name; ``count`` is then the number of images in them, of all ranks."""
        self.count = int(self.images)
        mse = (self.squares / self.numbers).item()
        similarity = (self.similarity / self.images).item()
        figures = {"mse": mse, "psnr": psnr(mse, span=1)}
        return figures if math.isnan(similarity) else {**figures, "ssim": similarity}

    def protocol(self, split: str) -> dict[str, dict[str, Any]]:
        """What must be equal before two of the computed figures, those of ``split``, may be compared; by name."""
        common = {"split": split, "images": self.count, "levels": "[0, 1]"}
        return {"mse": common, "psnr": common, "ssim": {**common, "window": described(self._window)}}
