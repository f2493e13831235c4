"""How much and how often a penalty counts."""

from __future__ import annotations

import math
from collections.abc import Callable

from atelier.types import Mistake

Weight = float | Callable[[float], float]
"""A number, or a function of the position in epochs."""


class Strength:
    """A weight that acts on every ``interval``-th step, that many times as strong (StyleGAN2, section 3.1).

    So its mean over the steps does not depend on ``interval``, and most steps go without the penalty's cost.

    name: what the user calls the weight.
    weight: not negative, or a function of the epoch.
    interval: steps from one penalty to the next.
    """

    def __init__(self, name: str, weight: Weight, interval: int) -> None:
        if not callable(weight) and not 0 <= weight < math.inf:
            raise Mistake(f"regularizer.{name}={weight}: a penalty's weight is a number from 0 upwards")
        if interval < 1:
            raise Mistake(f"regularizer.interval={interval}: a penalty acts on every step (1) or every so many steps")
        self._weight, self._interval = weight, interval

    def acts(self, step: int) -> bool:
        """Whether ``step`` is one of every ``interval`` steps."""
        return step % self._interval == 0

    def at(self, epoch: float) -> float:
        """The weight at ``epoch`` times ``interval``."""
        return self._interval * (self._weight(epoch) if callable(self._weight) else self._weight)
