"""Eight Gaussians on a circle: the smallest data on which a generator can lose modes."""

from __future__ import annotations

import math

import torch

from atelier.data.source import Images, Split
from atelier.moment import Moment
from atelier.types import Mistake

_POINTS = {"train": 8192, "test": 2048}

# The points are part of the data's definition: they do not follow the run's seed.
_SEED = 0


class Ring:
    """Points of the plane around ``modes`` centres on a circle, held as images of two channels and one pixel.

    Point i belongs to centre i mod ``modes`` at the angle 2π i / modes; its label is that number. 8,192
    points are for training and 2,048 for testing.

    modes: number of Gaussians.
    radius: of the circle, at most 1 minus a few ``std`` so that the points stay in [-1, 1].
    std: standard deviation of each Gaussian in each coordinate.
    """

    def __init__(self, modes: int, radius: float, std: float) -> None:
        if modes < 1:
            raise Mistake(f"data.source.modes={modes}: must be 1 or more")
        if std <= 0:
            raise Mistake(f"data.source.std={std}: must be above 0")
        if radius <= 0 or radius + 5 * std > 1:
            raise Mistake(f"data.source.radius={radius}: must be above 0, and at most 1 − 5 std = {1 - 5 * std:g}")
        self.modes, self.radius, self.std = modes, radius, std

    def prepare(self) -> None:
        """Nothing to do: the points are computed."""

    def load(self, split: Split) -> Images:
        """The points of ``split``, float32 ``[N, 2, 1, 1]``."""
        count = _POINTS[split]
        labels = torch.arange(count) % self.modes
        angles = labels * (2 * math.pi / self.modes)
        centres = self.radius * torch.stack([angles.cos(), angles.sin()], dim=1)
        noise = Moment(seed=_SEED, step=0).within("ring").normal(split, count, 2)
        points = (centres + self.std * noise).clamp(-1.0, 1.0)
        return Images(points[:, :, None, None], labels, classes=[f"mode {mode}" for mode in range(self.modes)])
