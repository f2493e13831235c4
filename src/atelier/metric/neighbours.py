"""Scores that ask who lies among whose nearest neighbours: quality and diversity apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from atelier.metric.score import OfReal, exact, require_images
from atelier.types import Features, Mistake

_BLOCK_ENTRIES = 2**24  # distances held at once: 128 MiB of float64


class PrecisionRecall:
    """Share of fakes on the reals' manifold, and of reals on the fakes'.

    Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models" (2019), eq. 1
    and 2: a manifold is the union of balls around its samples, each reaching to the sample's k-th nearest
    neighbour.
    """

    names: Mapping[str, bool] = {"precision": True, "recall": True}

    def __init__(self, k: int) -> None:
        self.k = _checked(k, "precision and recall")
        self._radii = OfReal(lambda real: radii(_centred(real, real)[0], self.k))

    def __call__(self, real: Features, fake: Features) -> dict[str, float]:
        """Both for features ``[N, d]`` and ``[M, d]``; Mistake unless both sides have more than k images."""
        self.demand(real, fake)
        real_radii = self._radii(real.features)
        x, y = _centred(real.features, fake.features)
        fake_radii = radii(y, self.k)
        precise, recalled = 0, torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for rows, distances in blocks(y, x):
            precise += int((distances <= real_radii).any(dim=1).sum())
            recalled |= (distances <= fake_radii[rows].unsqueeze(1)).any(dim=0)
        return {"precision": precise / len(y), "recall": int(recalled.sum()) / len(x)}

    def demand(self, real: Features, fake: Features) -> None:
        """Mistake unless both sides have more than k images."""
        require_images(f"precision and recall with k={self.k}", self.k + 1, real.features, fake.features)

    def protocol(self, real: int, fake: int) -> dict[str, Any]:
        """Which neighbour's distance is a ball's radius."""
        return {"k": self.k}


class DensityCoverage:
    """How many reals' balls a fake lies in, and the share of reals' balls that hold a fake.

    Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models" (2020), eq. 3 and 4. Density
    is not bounded by 1; its mean is 1 for equal distributions. Both use the reals' balls alone, so that stray
    fakes do not inflate them.
    """

    names: Mapping[str, bool] = {"density": True, "coverage": True}

    def __init__(self, k: int) -> None:
        self.k = _checked(k, "density and coverage")
        self._radii = OfReal(lambda real: radii(_centred(real, real)[0], self.k))

    def __call__(self, real: Features, fake: Features) -> dict[str, float]:
        """Both for features ``[N, d]`` and ``[M, d]``; Mistake unless both sides have more than k images."""
        self.demand(real, fake)
        real_radii = self._radii(real.features)
        x, y = _centred(real.features, fake.features)
        hits, covered = 0, 0
        for rows, distances in blocks(x, y):
            inside = distances <= real_radii[rows].unsqueeze(1)
            hits += int(inside.sum())
            covered += int(inside.any(dim=1).sum())
        return {"density": hits / (self.k * len(y)), "coverage": covered / len(x)}

    def demand(self, real: Features, fake: Features) -> None:
        """Mistake unless both sides have more than k images."""
        require_images(f"density and coverage with k={self.k}", self.k + 1, real.features, fake.features)

    def protocol(self, real: int, fake: int) -> dict[str, Any]:
        """Which neighbour's distance is a ball's radius."""
        return {"k": self.k}


def radii(x: Tensor, k: int) -> Tensor:
    """Squared distance ``[N]`` of each row of ``x`` ``[N, d]`` to its k-th nearest other row, rounded up.

    Rounded up by what distances may lose, so that what lies at that very distance lies within it: duplicates do, and
    features of few levels do all the time.
    """
    found = []
    lengths = x.square().sum(dim=1)
    for rows, distances in blocks(x, x):
        distances[:, rows].fill_diagonal_(torch.inf)
        reached = distances.kthvalue(k, dim=1).values
        found.append(reached + 4 * x.shape[1] * torch.finfo(x.dtype).eps * (lengths[rows] + reached))
    return torch.cat(found)


def blocks(x: Tensor, y: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Squared distances of ``x`` ``[N, d]`` to ``y`` ``[M, d]``, some rows ``[n, M]`` at a time."""
    lengths = y.square().sum(dim=1)
    step = max(1, _BLOCK_ENTRIES // len(y))
    for start in range(0, len(x), step):
        rows = slice(start, min(start + step, len(x)))
        some = x[rows]
        yield rows, (some.square().sum(dim=1, keepdim=True) + lengths - 2 * some @ y.T).clamp_(min=0)


def _centred(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Both sides in float64, seen from the reals' mean: it keeps |x|² + |y|² − 2 x·y from cancelling."""
    x, y = exact(real), exact(fake)
    centre = x.mean(dim=0)
    return x - centre, y - centre


def _checked(k: int, score: str) -> int:
    if k < 1:
        raise Mistake(f"k={k}: {score} look at the k-th nearest neighbour, from the first on")
    return k
