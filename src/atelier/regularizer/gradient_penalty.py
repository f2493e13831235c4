"""The penalty of WGAN-GP."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from atelier.moment import Moment
from atelier.regularizer.gradient import full_precision, slope
from atelier.regularizer.strength import Strength
from atelier.regularizer.verdict import Verdict


class GradientPenalty:
    """λ · E(‖∇D(x̂)‖ − 1)², x̂ uniform on the lines between reals and fakes (Gulrajani et al. 2017, eq. 3).

    It costs a forward pass of its own. The critic should have no BatchNorm: the penalty is meant for each
    image's gradient alone.

    weight: λ, or λ as a function of the epoch.
    interval: steps from one penalty to the next; the penalty is that many times as strong.
    """

    of_verdicts = False

    def __init__(self, weight: float | Callable[[float], float], interval: int) -> None:
        self._strength = Strength("weight", weight, interval)

    def acts(self, step: int) -> bool:
        """Whether there is a penalty at ``step``."""
        return self._strength.acts(step)

    def __call__(
        self, critic: Callable[[Tensor], Tensor], real: Verdict, fake: Verdict, moment: Moment
    ) -> dict[str, Tensor]:
        """``gradient_penalty``: weighted; reals and fakes are paired by their place in the batch."""
        start, end = real.images.detach(), fake.images.detach()
        share = moment.uniform("interpolation", len(start), 1, 1, 1).to(start.dtype)
        with full_precision(start):
            between = torch.lerp(start, end.to(start.dtype), share).requires_grad_()
            length = torch.linalg.vector_norm(slope(Verdict(between, critic(between))), dim=1)
            return {"gradient_penalty": self._strength.at(moment.epoch) * (length - 1).square().mean()}
