"""The history of every score: last, best, and when that was."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


class Standing(NamedTuple):
    """Last and best value of one figure, and the epoch of the best."""

    last: float
    best: float
    best_epoch: float


class Entry(NamedTuple):
    """A figure at one validation."""

    value: float
    epoch: float


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
        taken = self._taken(name)
        if not taken:
            return None
        best = next(iter(self.ranking(name)), taken[-1])
        return Standing(taken[-1].value, best.value, best.epoch)

    def ranking(self, name: str) -> list[Entry]:
        """``name`` at every validation that took it, the best first and the earlier of equal ones; NaN has no place.

        Where neither direction is better, the last comes first.
        """
        taken = [at for at in self._taken(name) if not math.isnan(at.value)]
        if (higher := self.higher[name]) is None:
            return taken[::-1]
        return sorted(taken, key=lambda at: -at.value if higher else at.value)

    def _taken(self, name: str) -> list[Entry]:
        return [Entry(row[name], row["epoch"]) for row in self.rows if name in row]

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


def val(figures: Mapping[str, T]) -> dict[str, T]:
    """``figures`` by the names that those of a validation go by, ``val/<figure>``."""
    return {f"val/{name}": value for name, value in figures.items()}


def whole(epoch: float) -> float | int:
    """The epoch as people write it: 3 and not 3.0, but 2.5."""
    return int(epoch) if float(epoch).is_integer() else round(epoch, 4)
