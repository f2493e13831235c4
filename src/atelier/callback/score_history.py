"""The history of every score: last, best, and when that was."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable


class Standing(NamedTuple):
    """Last and best value of one figure, and the epoch of the best."""

    last: float
    best: float
    best_epoch: float


class History:
    """Every figure of every validation, in order.

    higher: figure → whether a higher value is better, None where neither is; the first one is the primary figure.
    """

    def __init__(self, higher: Mapping[str, bool | None]) -> None:
        self.higher = higher
        self.rows: list[dict[str, float]] = []

    @property
    def primary(self) -> str:
        """The name of the figure that counts."""
        return next(iter(self.higher))

    def add(self, epoch: float, figures: Mapping[str, float]) -> None:
        """Append the figures taken at ``epoch``."""
        self.rows.append({"epoch": epoch, **figures})

    def standing(self, name: str) -> Standing | None:
        """Where ``name`` stands, or None if it was never taken.

        The first of equal values is the best one; where neither direction is better, the last value is.
        """
        taken = [(row[name], row["epoch"]) for row in self.rows if name in row]
        if not taken:
            return None
        if self.higher[name] is None:
            return Standing(taken[-1][0], *taken[-1])
        sign = -1.0 if self.higher[name] else 1.0
        best, epoch = min(taken, key=lambda at: math.inf if math.isnan(at[0]) else sign * at[0])
        return Standing(taken[-1][0], best, epoch)

    def table(
        self, protocol: Callable[[str], Mapping[str, Any]], floor: Mapping[str, float]
    ) -> dict[str, dict[str, Any]]:
        """Every figure's last and best value, best epoch, floor and protocol, as results.json has them."""
        return {
            name: {
                "last": standing.last,
                "best": standing.best,
                "best_epoch": whole(standing.best_epoch),
                "higher_is_better": higher,
                "floor": floor.get(name),
                "protocol": dict(protocol(name)),
            }
            for name, higher in self.higher.items()
            if (standing := self.standing(name)) is not None
        }


@runtime_checkable
class Board(Protocol):
    """An observer that takes figures at validations. A trainer's first board has the figure that counts.

    scored_at: the step of the last figures.
    """

    history: History
    scored_at: int

    def results(self) -> dict[str, dict[str, Any]]:
        """What :meth:`History.table` makes of its figures."""
        ...


def whole(epoch: float) -> float | int:
    """The epoch as people write it: 3 and not 3.0, but 2.5."""
    return int(epoch) if float(epoch).is_integer() else round(epoch, 4)
