"""The pictures of `data=stripes`: grounds, animals and light put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from atelier.data.stripes_animal import Herd, herd
from atelier.data.stripes_canvas import Canvas, Deal, mix, normalized
from atelier.data.stripes_coat import Light, Stand, layers
from atelier.data.stripes_ground import Land, land, paint, shadow

# Each pixel of an animal is the mean of this many by this many: pictures of all sizes agree.
_FINER = 2

# Pixels worked on at a time: few enough to stay in a processor's cache.
_AT_ONCE = 1 << 16


class Scenes(NamedTuple):
    """Everything that is to be seen in N pictures."""

    place: Land
    animals: Herd
    stand: Stand
    light: Light


def scenes(numbers: Sequence[int]) -> Scenes:
    """The scenes of these numbers."""
    deal = Deal(numbers)
    animals, facing = herd(deal), deal.side()
    stand = _stand(animals, facing, deal)
    place = land(deal)
    x, y, z = normalized(place.sun_x * 0.9, place.sun_y - 0.25, deal.between(0.5, 0.8))
    warmth = deal.between(-0.05, 0.05)
    colour = torch.cat([1.03 + warmth, 1.0 + warmth * 0.2, 0.98 - warmth], dim=1)
    return Scenes(place, animals, stand, Light(x, y, z, colour))


def _stand(animals: Herd, facing: Tensor, deal: Deal) -> Stand:
    """As large as fits, a bit smaller at will, and anywhere with all limbs inside the picture."""
    left, top, right, bottom = animals.box
    room = deal.between(1.62, 1.84)
    scale = room / (right - left).maximum(bottom - top)
    free = 1.9 - (right - left) * scale
    middle = (left + right) * 0.5 * scale * facing
    x = deal.between(-0.5, 0.5) * free - middle
    lowest = deal.between(0.78, 0.92)
    y = (lowest - bottom * scale).maximum(-0.95 - top * scale)
    return Stand(x, y, scale, facing)


def draw(numbers: Sequence[int], size: int, striped: bool) -> Tensor:
    """The scenes of these numbers, with striped or with plain animals: uint8 ``[N, 3, size, size]``."""
    each = max(1, _AT_ONCE // (size * _FINER) ** 2)
    starts = range(0, len(numbers), each)
    with _one_thread():
        return torch.cat([_draw(numbers[start : start + each], size, striped) for start in starts])


def _draw(numbers: Sequence[int], size: int, striped: bool) -> Tensor:
    drawn, canvas = scenes(numbers), Canvas.of(size)
    ground = _shadowed(paint(drawn.place, canvas), drawn, canvas)
    animals, left_open = _animals(drawn, size, striped)
    picture = ground * left_open + animals
    return (picture.clamp(0.0, 1.0) * 255.0 + 0.5).floor().to(torch.uint8)


def _animals(drawn: Scenes, size: int, striped: bool) -> tuple[Tensor, Tensor]:
    """The animals on black ``[N, 3, size, size]``, and how much of each pixel they leave open."""
    canvas = Canvas.of(size * _FINER)
    picture, left_open = torch.zeros(1), torch.ones(1)
    for layer in layers(drawn.animals, drawn.stand, drawn.light, canvas, striped):
        picture = mix(picture, layer.colour, layer.cover)
        left_open = left_open * (1.0 - layer.cover)
    return _coarse(picture), _coarse(left_open)


def _shadowed(picture: Tensor, drawn: Scenes, canvas: Canvas) -> Tensor:
    left, _, right, bottom = drawn.animals.box
    stand = drawn.stand
    # The trunk is the origin, so the shadow lies below it, a bit away from the light.
    y, width = stand.y + bottom * stand.scale, (right - left) * 0.5 * stand.scale
    return shadow(picture, canvas, stand.x - drawn.light.x * 0.15, y - 0.03, width)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Thousands of operations on few pixels: threads gain little by sharing them, and lose much on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _coarse(fine: Tensor) -> Tensor:
    """Means of 2 x 2 pixels, added in an order of their own: a library's mean may add in another."""
    rows = fine[..., 0::2, :] + fine[..., 1::2, :]
    return (rows[..., 0::2] + rows[..., 1::2]) * 0.25
