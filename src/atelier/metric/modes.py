"""Which modes of a ring of Gaussians a generator has found: the collapse that pictures hide."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from atelier.metric.score import exact
from atelier.types import Features, Mistake


class Modes:
    """Number of modes covered and share of samples that belong to any mode, for points on a ring.

    A sample belongs to the nearest mode if it lies within three standard deviations of its centre (Srivastava
    et al., "VEEGAN", 2017, section 5.1). A mode is covered if it holds at least ``share`` of the samples that
    it would hold if all modes were alike, so that one stray sample does not count.

    modes, radius, std: the ring: centre i stands at angle 2πi / modes.
    share: in (0, 1].
    """

    names: Mapping[str, bool] = {"modes": True, "quality": True}

    def __init__(self, modes: int, radius: float, std: float, share: float) -> None:
        for name, value in (("modes", modes), ("radius", radius), ("std", std)):
            if value <= 0:
                raise Mistake(f"{name}={value}: of the ring, above 0")
        if not 0 < share <= 1:
            raise Mistake(f"share={share}: of a mode's fair number of samples, above 0 and at most 1")
        angles = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
        self.centres = radius * torch.stack([angles.cos(), angles.sin()], dim=1)
        self.std, self.share = std, share

    def __call__(self, real: Features, fake: Features) -> dict[str, float]:
        """Both figures for points ``[N, 2]``; raises Mistake for features that are no points of the plane."""
        points = exact(fake.features)
        if points.shape[1] != 2:
            raise Mistake("metric=modes is for points in the plane: it goes with data=ring and extractor=points")
        distances, nearest = torch.cdist(points, self.centres.to(points.device)).min(dim=1)
        good = distances <= 3 * self.std
        held = nearest[good].bincount(minlength=len(self.centres))
        covered = held >= self.share * len(points) / len(self.centres)
        return {"modes": float(covered.sum()), "quality": good.double().mean().item()}

    def protocol(self, real: int, fake: int) -> dict[str, Any]:
        """The share of its fair number of samples that makes a mode covered; the ring itself is the data's."""
        return {"share": self.share}
