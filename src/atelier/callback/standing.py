"""Where each score stands: last, best, and when that was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple


class Standing(NamedTuple):
    """Last and best value of one figure, and the epoch of the best."""

    last: float
    best: float
    best_epoch: float


class History:
    """Every figure of every validation, in order.

    higher: figure → whether a higher value is better.
    """

    def __init__(self, higher: Mapping[str, bool]) -> None:
        self.higher = higher
        self.rows: list[dict[str, float]] = []

    def add(self, epoch: float, figures: Mapping[str, float]) -> None:
        """Append the figures taken at ``epoch``."""
        self.rows.append({"epoch": epoch, **figures})

    def standing(self, name: str) -> Standing | None:
        """Where ``name`` stands, or None if it was never taken. The first of equal values is the best one."""
        taken = [(row[name], row["epoch"]) for row in self.rows if name in row]
        if not taken:
            return None
        sign = -1.0 if self.higher[name] else 1.0
        best, epoch = min(taken, key=lambda at: math.inf if math.isnan(at[0]) else sign * at[0])
        return Standing(taken[-1][0], best, epoch)

    def improved(self, name: str) -> bool:
        """Whether the latest validation is the best one by ``name``."""
        standing = self.standing(name)
        return (
            standing is not None
            and not math.isnan(standing.last)
            and (standing.last, self.rows[-1]["epoch"]) == (standing.best, standing.best_epoch)
        )


def whole(epoch: float) -> float | int:
    """The epoch as people write it: 3 and not 3.0, but 2.5."""
    return int(epoch) if float(epoch).is_integer() else round(epoch, 4)
