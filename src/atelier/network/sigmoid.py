"""The logistic function in full precision."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atelier.precise import widened


class Sigmoid(nn.Module):
    """σ(x) = 1 / (1 + e⁻ˣ) in float32 or better, whatever x comes in.

    bfloat16 knows no number between 0.996 and 1, so beyond x = 6.2 a sigmoid of its own is 1 with a slope of 0: a pixel
    or unit that is wrong there, where a cross-entropy or a penalty on mean activations pulls hardest, would never move.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Numbers in [0, 1] of any shape's."""
        return torch.sigmoid(widened(x))
