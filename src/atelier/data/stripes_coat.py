"""How the animals of `data=stripes` are painted, with or without stripes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from atelier.data.stripes_animal import Herd
from atelier.data.stripes_canvas import Canvas, mix, ramp
from atelier.data.stripes_limbs import Limb, Relief, relief

_INK = torch.tensor([0.09, 0.06, 0.08]).view(1, 3, 1, 1)
_BLUSH = torch.tensor([0.95, 0.45, 0.45]).view(1, 3, 1, 1)


class Stand(NamedTuple):
    """Where in the picture an animal stands; every field is ``[N, 1, 1, 1]``.

    x, y: of the origin of the animal's own frame.
    scale: length in the picture of one of the animal's units.
    facing: 1 where it looks to the right, −1 where it looks to the left.
    """

    x: Tensor
    y: Tensor
    scale: Tensor
    facing: Tensor


class Light(NamedTuple):
    """Where the light comes from (a direction of length 1, z towards the eye), and its colour ``[N, 3, 1, 1]``."""

    x: Tensor
    y: Tensor
    z: Tensor
    colour: Tensor


class Layer(NamedTuple):
    """Something to put over a picture: colour ``[N, 3, S, S]`` and how much it covers ``[N, 1, S, S]``."""

    colour: Tensor
    cover: Tensor


def layers(animals: Herd, stand: Stand, light: Light, canvas: Canvas, striped: bool) -> list[Layer]:
    """The animals from back to front. Stripes change colours and nothing else."""
    x = (canvas.x - stand.x) * stand.facing / stand.scale
    y = (canvas.y - stand.y) / stand.scale
    pixel = canvas.pixel / stand.scale
    face = _Face.of(animals, x, y)
    plain_face = ramp(face.away(0.55, 0.1), 0.75, 1.1)
    hooves = 0.6 * ramp(y, animals.ground - 0.12, animals.ground - 0.06)

    def part(limbs: Sequence[Limb], brightness: float, hair: Tensor | float) -> Layer:
        shape = relief(limbs, x, y)
        plain = 1.0 - hooves
        if striped:
            plain = plain * (1.0 - _bands(shape, animals.band) * plain_face * (0.93 * (1.0 - hair)))
        coat = mix(animals.coat, _INK, 0.62 * hair)
        shade, gloss = _light(shape, light, stand.facing)
        colour = mix(_INK * light.colour, coat * light.colour, plain) * (shade * brightness) + gloss
        return Layer(colour, _cover(shape.distance, pixel))

    body = part(animals.body, 1.0, 0.0)
    return [
        part(animals.far, 0.72, 0.0),
        part(animals.behind, 0.97, animals.hair),
        body,
        *(Layer(layer.colour, layer.cover * body.cover) for layer in _features(face, pixel)),
    ]


def _bands(shape: Relief, band: Tensor) -> Tensor:
    """1 in the dark bands and 0 in the light ones, as wide as each other, with soft edges."""
    # A body is round: on its flanks the surface turns away, and what runs around it seems to bend.
    turns = shape.along / band + 0.25 * _flatness(shape)
    away = (turns - turns.floor() - 0.5).abs()
    return 1.0 - ramp(away, 0.20, 0.30)


def _flatness(shape: Relief) -> Tensor:
    """0 where the surface faces the eye, 1 at the outline."""
    return (shape.lean_x * shape.lean_x + shape.lean_y * shape.lean_y).clamp(max=1.0)


def _light(shape: Relief, light: Light, facing: Tensor) -> tuple[Tensor, Tensor]:
    """Shade and gloss: light from one side, some from the sky, and a darker rim where the surface turns away."""
    flat = _flatness(shape)
    depth = (1.0 - flat).sqrt()
    direct = (shape.lean_x * (facing * light.x) + shape.lean_y * light.y + depth * light.z).clamp(min=0.0)
    shade = (0.51 - 0.11 * shape.lean_y + 0.62 * direct) * (1.0 - 0.35 * flat * flat * flat)
    return shade, ramp(direct, 0.90, 1.0) * 0.10


def _cover(distance: Tensor, pixel: Tensor) -> Tensor:
    """The share of a pixel on this side of an outline: exactly 0 outside and 1 inside."""
    return (0.5 - distance / pixel).clamp(0.0, 1.0)


class _Face(NamedTuple):
    """Coordinates of the face, in radii of the head: forward to the nose, and down at a right angle to it.

    muzzle: how far forward the muzzle is.
    size: the head's radius.
    """

    forward: Tensor
    below: Tensor
    muzzle: Tensor
    size: Tensor

    @classmethod
    def of(cls, animals: Herd, x: Tensor, y: Tensor) -> _Face:
        head_x, head_y, size, nose_x, nose_y, muzzle = animals.head
        right, down = (x - head_x) / size, (y - head_y) / size
        return cls(right * nose_x + down * nose_y, down * nose_x - right * nose_y, muzzle / size, size)

    def away(self, forward: Tensor | float, below: float) -> Tensor:
        """Distance to a place in the face."""
        dx, dy = self.forward - forward, self.below - below
        return (dx * dx + dy * dy).sqrt()


def _features(face: _Face, pixel: Tensor) -> list[Layer]:
    """A blush, an eye with a spark in it, and a smile."""
    unit = pixel / face.size

    def disc(forward: float, below: float, radius: float, colour: Tensor, strength: float = 1.0) -> Layer:
        return Layer(colour, _cover(face.away(forward, below) - radius, unit) * strength)

    # The lower part of a thin ring.
    mouth = face.muzzle * 0.75 + 0.30
    ring = _cover((face.away(mouth, 0.05) - 0.34).abs() - 0.05, unit) * ramp(face.below, 0.15, 0.27)
    return [
        disc(0.22, 0.42, 0.24, _BLUSH, 0.5),
        disc(0.30, -0.15, 0.27, _INK),
        disc(0.39, -0.26, 0.10, torch.ones_like(_INK)),
        Layer(_INK, ring * 0.8),
    ]
