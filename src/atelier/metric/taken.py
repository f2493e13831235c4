"""Figures that were taken, with what has to be known to read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Taken(NamedTuple):
    """Figures by name, and what has to be known to read them.

    floor: the same figure for reals in the fakes' place. untouched: the same for the sources themselves, as if the
    translator had done nothing. protocol: what must be equal before two figures may be compared.
    """

    values: dict[str, float]
    floor: dict[str, float]
    untouched: dict[str, float]
    protocol: dict[str, dict[str, Any]]

    def entries(self, higher: Mapping[str, bool]) -> dict[str, dict[str, Any]]:
        """Every figure as ``evaluate`` shows and writes it. higher: their names in order, whether higher is better."""
        return {
            name: {
                "value": self.values[name],
                "floor": self.floor.get(name),
                "higher_is_better": better,
                "protocol": self.protocol[name],
                **({"untouched": self.untouched[name]} if name in self.untouched else {}),
            }
            for name, better in higher.items()
            if name in self.values
        }


def joined(*parts: Taken) -> Taken:
    """The figures of all ``parts``."""
    merged = Taken({}, {}, {}, {})
    for part in parts:
        merged.values.update(part.values)
        merged.floor.update(part.floor)
        merged.untouched.update(part.untouched)
        merged.protocol.update(part.protocol)
    return merged
