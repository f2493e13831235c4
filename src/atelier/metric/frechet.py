"""The Fréchet distance between two clouds of features, each taken for a Gaussian."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from atelier.metric.moments import centred, covariance, lower_product, moments
from atelier.metric.score import OfReal, require_images
from atelier.types import Features


class FrechetDistance:
    """‖μ₁ − μ₂‖² + Tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½), with features of Inception the FID.

    Dowson & Landau, "The Fréchet distance between multivariate normal distributions" (1982), eq. 16; Heusel
    et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), eq. 6. Covariances are the unbiased ones (N
    − 1), everything is float64, and the result is clamped at 0.

    With Σ = RᵀR the trace of (Σ₁Σ₂)^½ is the sum of the singular values of R₁R₂ᵀ, so no root of an asymmetric
    matrix is ever taken: dead features, constant fakes and fewer images than features are ordinary cases.
    """

    names: Mapping[str, bool] = {"fd": False}

    def __init__(self) -> None:
        self._real = OfReal(moments)

    def __call__(self, real: Features, fake: Features) -> dict[str, float]:
        """The distance of features ``[N, d]`` and ``[M, d]``; Mistake for fewer than two images on a side."""
        self.demand(real, fake)
        ours = self._real(real.features)
        count, width = fake.features.shape
        if count < width:
            mean, spread = centred(fake.features)
            trace, across = spread.square().sum(), _trace_of_root(ours.root, spread)
        else:
            mean, spread = covariance(fake.features)
            trace, across = spread.trace(), _trace_of_root_of_product(ours.root, spread)
        squared = (ours.mean - mean).square().sum() + ours.root.square().sum() + trace
        return {"fd": (squared - 2 * across).clamp(min=0).item()}

    def demand(self, real: Features, fake: Features) -> None:
        """Mistake for fewer than two images on a side: one has no covariance."""
        require_images("the Fréchet distance", 2, real.features, fake.features)


def _trace_of_root(root: Tensor, spread: Tensor) -> Tensor:
    """Tr (Σ₁Σ₂)^½ from a root of each covariance, ``[r, d]`` and ``[N, d]`` with N < d."""
    singular: Tensor = torch.linalg.svdvals(root @ spread.T)
    return singular.sum()


def _trace_of_root_of_product(root: Tensor, covariance: Tensor) -> Tensor:
    """The same from R₁ ``[r, d]`` and Σ₂ ``[d, d]``: R₁Σ₂R₁ᵀ has the eigenvalues of Σ₁Σ₂ that are not zero."""
    squared: Tensor = torch.linalg.eigvalsh(lower_product(root @ covariance, root))  # looks at the lower half alone
    return squared.clamp(min=0).sqrt().sum()
