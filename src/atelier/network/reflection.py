"""Padding by reflection."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atelier.network.sizes import positive


class Reflection(nn.Module):
    """Continues ``[B, C, H, W]`` by ``width`` pixels on every side, mirrored at (not behind) the outermost pixel.

    Needs sides longer than ``width``.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        positive(width=width)
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H + 2·width, W + 2·width]``."""
        if torch.are_deterministic_algorithms_enabled():
            # torch's own has no deterministic backward pass on a GPU; this one has, and costs two more copies.
            return _mirrored(_mirrored(x, 2, self.width), 3, self.width)
        return F.pad(x, (self.width,) * 4, mode="reflect")

    def extra_repr(self) -> str:
        """The width, for ``print(network)``."""
        return str(self.width)


def _mirrored(x: Tensor, dim: int, width: int) -> Tensor:
    before = x.narrow(dim, 1, width).flip(dim)
    behind = x.narrow(dim, x.shape[dim] - 1 - width, width).flip(dim)
    return torch.cat((before, x, behind), dim)
