"""Which images fit into a network that halves them."""

from __future__ import annotations

from dataclasses import dataclass

from atelier.types import Mistake


@dataclass(frozen=True)
class Sides:
    """The heights and widths that a network takes.

    network: its name for people, as "a U-Net of 7 halvings".
    multiple: every side is a multiple of it.
    smallest: the shortest side in pixels, itself a multiple.
    """

    network: str
    multiple: int
    smallest: int

    def at_least(self, side: int) -> int:
        """The shortest side that fits and is not below ``side``: what to pad an image to."""
        return max(self.smallest, -(-side // self.multiple) * self.multiple)

    def check(self, *sides: int | None) -> None:
        """Raise a Mistake about the first side that does not fit; None (unknown as yet) passes."""
        for side in sides:
            if side is not None and (side % self.multiple or side < self.smallest):
                raise Mistake(f"image_size={side}: {self.network} takes {self._say()}; try {self.at_least(side)}")

    def _say(self) -> str:
        least = f"sides of at least {self.smallest} px"
        return least if self.multiple == 1 else f"{least} that are multiples of {self.multiple}"
