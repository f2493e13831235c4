"""A penalty on the critic's slope at real and at fake images."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from atelier.moment import Moment
from atelier.regularizer.r1 import squared_slope
from atelier.regularizer.strength import Strength
from atelier.regularizer.verdict import Verdict


class R1R2:
    """γ/2 · (E‖∇D(x)‖² + E‖∇D(G(z))‖²), as in R3GAN (Mescheder et al. 2018, eqs. 9 and 10).

    gamma: γ of both, or γ as a function of the epoch.
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
        """``r1`` at the reals and ``r2`` at the fakes, weighted."""
        factor = 0.5 * self._strength.at(moment.epoch)
        return {"r1": factor * squared_slope(real), "r2": factor * squared_slope(fake)}
