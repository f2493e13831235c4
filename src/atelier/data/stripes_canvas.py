"""What the pictures of `data=stripes` are drawn with: chance, coordinates and a few curves.

Everything is made of + − × ÷ √, comparisons and floor, which IEEE 754 rounds in one way only: the pictures are the
same bytes on every machine, whatever its mathematical library makes of sine or exponential.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from atelier.moment import Moment

# More than a scene asks for: numbers that a later version asks for in addition leave the earlier ones alone.
_DRAWS = 128

# The scenes are part of the data's definition: they do not follow the run's seed.
_SEED = 0


# ITU-R BT.601, the luma that Pillow's "L" mode uses too, in parts of 65,536.
_LUMA = (19595, 38470, 7471)


class Deal:
    """The chance of N scenes, dealt in turn: what a scene gets depends on its number and on nothing else.

    Everything dealt is ``[N, c, 1, 1]``: one value per scene, ready to meet pixels.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        rows = [Moment(_SEED, number).within("stripes").uniform("scene", _DRAWS) for number in numbers]
        self._columns = iter(torch.stack(rows).unbind(1))

    def between(self, low: float, high: float) -> Tensor:
        """Numbers spread evenly over [low, high)."""
        return next(self._columns).mul(high - low).add(low).view(-1, 1, 1, 1)

    def side(self) -> Tensor:
        """−1 or 1, each half of the time."""
        return (next(self._columns) < 0.5).float().mul(2.0).sub(1.0).view(-1, 1, 1, 1)

    def row(self, table: Tensor) -> Tensor:
        """One row of ``table`` ``[R, c]`` per scene, all equally often."""
        return table[(next(self._columns) * len(table)).long()][:, :, None, None]

    def blend(self, table: Tensor) -> Tensor:
        """One row of ``table`` ``[R, c]`` with a part of another, less than half."""
        return mix(self.row(table), self.row(table), self.between(0.0, 0.4))


class Canvas(NamedTuple):
    """Coordinates of pixel centres: −1 to 1 from left to right and from top to bottom.

    x: ``[1, 1, 1, S]``.
    y: ``[1, 1, S, 1]``.
    pixel: a pixel's side.
    """

    x: Tensor
    y: Tensor
    pixel: float

    @classmethod
    def of(cls, size: int) -> Canvas:
        """A square canvas of ``size`` pixels a side."""
        places = (torch.arange(size) * 2 + 1).float() / size - 1
        return cls(places.view(1, 1, 1, size), places.view(1, 1, size, 1), 2 / size)


def mix(first: Tensor, second: Tensor, share: Tensor | float) -> Tensor:
    """``first`` where ``share`` is 0, exactly; ``second`` where it is 1."""
    # Not torch.lerp: it may or may not fuse its multiplication and addition.
    return first + (second - first) * share


def ramp(values: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """0 up to ``low``, 1 from ``high`` on, and a smooth cubic in between."""
    x = ((values - low) / (high - low)).clamp(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def wave(turns: Tensor) -> Tensor:
    """A smooth wave in [−1, 1] that repeats after every whole number: two parabolas in the place of a sine."""
    x = (turns - turns.floor()) * 2.0 - 1.0
    return 4.0 * x * (1.0 - x.abs())


def bump(squares: Tensor) -> Tensor:
    """1 at 0, falling smoothly to 0 at squared distance 1 and beyond."""
    x = (1.0 - squares).clamp(min=0.0)
    return x * x


def normalized(*parts: Tensor) -> tuple[Tensor, ...]:
    """The vector with these parts, of length 1."""
    squares = parts[0] * parts[0]
    for part in parts[1:]:
        squares = squares + part * part
    length = squares.sqrt()
    return tuple(part / length for part in parts)


def grey(pixels: Tensor) -> Tensor:
    """uint8 ``[N, 3, H, W]`` as its luma ``[N, 1, H, W]``, rounded."""
    red, green, blue = (part.int() * weight for part, weight in zip(pixels.unbind(1), _LUMA, strict=True))
    luma: Tensor = (red + green + blue + 32768) >> 16
    return luma.to(torch.uint8)[:, None]
