"""The slope of a critic at images, as something that can itself be descended."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from atelier.regularizer.verdict import Verdict


def full_precision(images: Tensor) -> torch.autocast:
    """A context that leaves autocast: slopes and their squares lose too much in 8 or 11 bits."""
    return torch.autocast(images.device.type, enabled=False)


def slope(verdict: Verdict) -> Tensor:
    """∇_x D(x) of each image, ``[B, C·H·W]``, differentiable with respect to the critic's weights.

    D(x) is the image's logit; of a critic that judges P patches it is Σ_p D_p(x) / √P. Where patches share no pixels,
    ‖∇D‖² is then the mean of their own ‖∇D_p‖²: each patch is held as an image of its own would be, and a penalty
    does not grow with the image.

    The images' logits are summed: image i's gradient is that of its own logit, unless the critic mixes a batch
    (BatchNorm).
    """
    patches = verdict.logits[0].numel()
    with full_precision(verdict.images):
        judged = verdict.logits.sum() / math.sqrt(patches)
        (gradient,) = torch.autograd.grad(judged, verdict.images, create_graph=True)
        return gradient.flatten(1)
