"""Mean and covariance of features, in the forms that a Fréchet distance needs."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import torch
from torch import Tensor

from atelier.metric.cache import kept
from atelier.metric.score import exact

_FORMAT = 1

# From here on a factorisation takes longer than reading a file.
_LARGE = 512

# Rows that are float64 at a time, and columns of the covariance's blocks.
_ROWS, _COLUMNS = 4096, 256


class Moments(NamedTuple):
    """Mean ``[d]`` and a root R ``[r, d]`` of the covariance, Σ = RᵀR: float64, r being at most N and d."""

    mean: Tensor
    root: Tensor


def moments(features: Tensor) -> Moments:
    """Those of features ``[N, d]``, N > 1; a large factorisation is found again on disk by the features' content."""
    count, width = features.shape
    if count <= width:
        return Moments(*centred(features))
    if width < _LARGE:
        return _factored(features)
    content = features.detach().cpu().contiguous().numpy()
    digest = hashlib.sha256(f"{_FORMAT} {content.shape} {content.dtype}".encode())
    digest.update(content.data)
    found = kept("moments", digest.hexdigest(), {"mean", "root"}, lambda: _on_cpu(_factored(features)))
    device = exact(features[:0]).device
    return Moments(found["mean"].to(device), found["root"].to(device))


def centred(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean ``[d]`` and the deviations ``[N, d]`` / √(N − 1), which are a root of the covariance."""
    features = exact(features)
    mean = features.mean(dim=0)
    return mean, (features - mean) / (len(features) - 1) ** 0.5


def covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean ``[d]`` and the unbiased covariance ``[d, d]``, without all of the features in float64 at once."""
    pieces = torch.split(features, _ROWS)
    mean = torch.stack([exact(piece).sum(dim=0) for piece in pieces]).sum(dim=0) / len(features)
    total = mean.new_zeros(len(mean), len(mean))
    for piece in pieces:
        deviations = exact(piece) - mean
        for start in range(0, len(mean), _COLUMNS):  # what lies above the diagonal is not computed
            some = slice(start, start + _COLUMNS)
            total[start:, some] += deviations[:, start:].T @ deviations[:, some]
    lower = total.tril() / (len(features) - 1)
    return mean, lower + lower.tril(-1).T


def lower_product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right.T`` ``[r, r]``, of which only blocks on and below the diagonal are computed (it is symmetric)."""
    product = left.new_zeros(len(left), len(left))
    for start in range(0, len(left), _COLUMNS):
        some = slice(start, start + _COLUMNS)
        product[start:, some] = left[start:] @ right[some].T
    return product


def _on_cpu(found: Moments) -> dict[str, Tensor]:
    return {name: tensor.cpu() for name, tensor in found._asdict().items()}


def _factored(features: Tensor) -> Moments:
    mean, spread = covariance(features)
    values, vectors = torch.linalg.eigh(spread)
    # Of a dead feature rounding leaves an eigenvalue next to zero, of either sign, where Cholesky would fail.
    alive = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    return Moments(mean, values[alive].sqrt().unsqueeze(1) * vectors[:, alive].T)
