"""The slope of a critic at images, as something that can itself be descended."""

from __future__ import annotations

import torch
from torch import Tensor

from atelier.regularizer.verdict import Verdict


def full_precision(images: Tensor) -> torch.autocast:
    """A context that leaves autocast: slopes and their squares lose too much in 8 or 11 bits."""
    return torch.autocast(images.device.type, enabled=False)


def slope(verdict: Verdict) -> Tensor:
    """∇_x D(x) of each image, ``[B, C·H·W]``, differentiable with respect to the critic's weights.

    The logits are summed: image i's gradient is that of its own logit, unless the critic mixes a batch
    (BatchNorm).
    """
    with full_precision(verdict.images):
        (gradient,) = torch.autograd.grad(verdict.logits.sum(), verdict.images, create_graph=True)
        return gradient.flatten(1)
