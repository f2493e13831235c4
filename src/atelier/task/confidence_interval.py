"""A confidence interval of a proportion: how sure a share of a few observations is."""

from __future__ import annotations

import math
from typing import NamedTuple

_Z = 1.959963984540054  # Φ⁻¹(0.975): both tails together hold 5 %


class Interval(NamedTuple):
    """A confidence interval of a share, within [0, 1]."""

    low: float
    high: float


def wilson(hits: int, count: int) -> Interval:
    """The 95 % score interval of the share ``hits`` / ``count`` (Wilson 1927; Newcombe 1998, method 3).

    The p with |p̂ − p| ≤ z √(p (1 − p) / n):  (p̂ + z²/2n ± z √(p̂ (1 − p̂)/n + z²/4n²)) / (1 + z²/n). Unlike
    p̂ ± z √(p̂ (1 − p̂)/n) it keeps its promise for small n, and for p̂ of 0 and 1.

    hits: 0 to ``count``. count: independent observations, 1 or more.
    """
    assert 0 <= hits <= count and count > 0, (hits, count)
    share, per = hits / count, _Z**2 / count
    middle = (share + per / 2) / (1 + per)
    reach = math.sqrt(share * (1 - share) * per + (per / 2) ** 2) / (1 + per)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))
