"""A penalty on the critic's slope at real images."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from atelier.moment import Moment
from atelier.regularizer.gradient import full_precision, slope
from atelier.regularizer.strength import Strength
from atelier.regularizer.verdict import Verdict


class R1:
    """γ/2 · E‖∇D(x)‖² over real images (Mescheder et al. 2018, eq. 9).

    gamma: γ, or γ as a function of the epoch.
    interval: steps from one penalty to the next; the penalty is that many times as strong.
    """

    of_verdicts = True

    def __init__(self, gamma: float | Callable[[float], float], interval: int) -> None:
        self._strength = Strength("gamma", gamma, interval)

    def acts(self, step: int) -> bool:
        """Whether there is a penalty at ``step``."""
        return self._strength.acts(step)

    def __call__(
        self, critic: Callable[[Tensor], Tensor], real: Verdict, fake: Verdict, moment: Moment
    ) -> dict[str, Tensor]:
        """``r1``: the weighted penalty."""
        return {"r1": 0.5 * self._strength.at(moment.epoch) * squared_slope(real)}


def squared_slope(verdict: Verdict) -> Tensor:
    """E‖∇D(x)‖² over the batch."""
    with full_precision(verdict.images):
        return slope(verdict).square().sum(1).mean()
