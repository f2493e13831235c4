"""Damage that a denoising autoencoder has to undo; it is done to levels ``[B, C, H, W]`` in [0, 1]."""

from __future__ import annotations

import math

from torch import Tensor

from atelier.moment import Moment
from atelier.types import Mistake


class GaussianNoise:
    """Adds N(0, std²) to every level; nothing is clamped (Vincent et al. 2010, section 3.3).

    std: in levels, so 0.5 is half the way from black to white.
    """

    def __init__(self, std: float) -> None:
        if not 0 < std < math.inf:
            raise Mistake(f"corruption.std={std}: noise has a standard deviation above 0; corruption=none has none")
        self.std = std

    def __call__(self, levels: Tensor, moment: Moment) -> Tensor:
        """The noisy levels."""
        return levels + self.std * moment.normal("noise", *levels.shape)


class Masking:
    """Turns a share of the pixels black, all channels of a pixel together (Vincent et al. 2008, section 2.3).

    share: probability of each pixel, in (0, 1).
    """

    def __init__(self, share: float) -> None:
        if not 0 < share < 1:
            raise Mistake(f"corruption.share={share}: the share of masked pixels lies between 0 and 1")
        self.share = share

    def __call__(self, levels: Tensor, moment: Moment) -> Tensor:
        """The levels that are left."""
        batch, _, height, width = levels.shape
        return levels * (moment.uniform("mask", batch, 1, height, width) >= self.share)
