"""The Fréchet distance between two clouds of features, each taken for a Gaussian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from atelier.metric.score import OfReal, exact, require_images
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
        self._real = OfReal(_moments)

    def __call__(self, real: Features, fake: Features) -> dict[str, float]:
        """The distance of features ``[N, d]`` and ``[M, d]``; Mistake for fewer than two images on a side."""
        require_images("the Fréchet distance", 2, real.features, fake.features)
        ours = self._real(real.features)
        mean, spread = _centred(fake.features)
        squared = (ours.mean - mean).square().sum() + ours.root.square().sum() + spread.square().sum()
        return {"fd": (squared - 2 * _trace_of_root(ours.root, spread)).clamp(min=0).item()}


class _Moments(NamedTuple):
    """Mean ``[d]`` and a root R ``[r, d]`` of the covariance: Σ = RᵀR."""

    mean: Tensor
    root: Tensor


def _centred(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean ``[d]`` and the deviations ``[N, d]`` / √(N − 1), which are a root of the covariance."""
    features = exact(features)
    mean = features.mean(dim=0)
    return mean, (features - mean) / (len(features) - 1) ** 0.5


def _moments(features: Tensor) -> _Moments:
    mean, spread = _centred(features)
    if len(spread) <= spread.shape[1]:
        return _Moments(mean, spread)
    values, vectors = torch.linalg.eigh(spread.T @ spread)
    # Rounding makes a dead feature's eigenvalue slightly negative; Cholesky would fail there.
    return _Moments(mean, values.clamp(min=0).sqrt().unsqueeze(1) * vectors.T)


def _trace_of_root(root: Tensor, spread: Tensor) -> Tensor:
    """Tr (Σ₁Σ₂)^½ from a root of each covariance, ``[r, d]`` and ``[N, d]``."""
    if len(spread) < spread.shape[1]:
        singular: Tensor = torch.linalg.svdvals(root @ spread.T)
        return singular.sum()
    squared: Tensor = torch.linalg.eigvalsh(root @ (spread.T @ spread) @ root.T)
    return squared.clamp(min=0).sqrt().sum()
