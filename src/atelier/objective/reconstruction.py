"""How far a reconstruction is from its image.

All of them take levels ``[B, C, H, W]`` in [0, 1], sum over an image's pixels and average over the images, so that
the weights of other terms mean the same beside each of them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from atelier.precise import widened
from atelier.similarity import SMALLEST, ssim
from atelier.types import Mistake


class L2:
    """factor · E‖x̂ − x‖².

    factor: 1, or ½ as in the UFLDL notes on sparse autoencoders (Ng 2011, section 2, eq. for J(W, b)).
    """

    def __init__(self, factor: float) -> None:
        if not 0 < factor < math.inf:
            raise Mistake(f"reconstruction.factor={factor}: a number above 0")
        self.factor = factor

    def __call__(self, reconstruction: Tensor, target: Tensor) -> Tensor:
        """The loss, a scalar."""
        return self.factor * _mean(F.mse_loss(widened(reconstruction), widened(target), reduction="none"))


class L1:
    """E‖x̂ − x‖₁, which forgives single pixels and blurs less."""

    def __call__(self, reconstruction: Tensor, target: Tensor) -> Tensor:
        """The loss, a scalar."""
        return _mean((widened(reconstruction) - widened(target)).abs())


class BCE:
    """−E Σ [x log x̂ + (1 − x) log(1 − x̂)]: each pixel a coin whose bias is its level (Vincent et al. 2010, eq. 4).

    Its least value is the levels' own entropy and not 0. Both logarithms are held above −100. Needs
    reconstructions in [0, 1].
    """

    def __call__(self, reconstruction: Tensor, target: Tensor) -> Tensor:
        """The loss, a scalar."""
        with torch.autocast(target.device.type, enabled=False):
            return _mean(F.binary_cross_entropy(widened(reconstruction), widened(target), reduction="none"))


class SSIM:
    """D · E[1 − SSIM(x̂, x)] / 2 with D numbers per image: structure instead of levels (Zhao et al. 2017, eq. 7).

    The factor D / 2 puts it beside the sums over pixels: it lies between 0 and D as theirs do.
    """

    def __call__(self, reconstruction: Tensor, target: Tensor) -> Tensor:
        """The loss, a scalar."""
        if min(target.shape[-2:]) < SMALLEST:
            raise Mistake(f"reconstruction=ssim compares windows of {SMALLEST} pixels: the images are smaller")
        return target[0].numel() * 0.5 * (1.0 - ssim(reconstruction, target)).mean()


def _mean(terms: Tensor) -> Tensor:
    """Sum over each image's terms, mean over the images."""
    return terms.flatten(1).sum(1).mean()
