"""Where the animals of `data=stripes` stand: sky, sun, clouds, hills and ground."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from atelier.data.stripes_canvas import Canvas, Deal, bump, mix, ramp, wave

# Sky above, sky at the horizon, hills, ground far away, ground in front, what is strewn on it.
_LANDS = torch.tensor(
    [
        # meadow
        [0.36, 0.62, 0.92, 0.80, 0.92, 0.98, 0.42, 0.62, 0.52, 0.52, 0.74, 0.36, 0.30, 0.56, 0.24, 0.98, 0.92, 0.55],
        # savanna
        [0.42, 0.66, 0.86, 0.98, 0.88, 0.70, 0.66, 0.58, 0.46, 0.80, 0.70, 0.38, 0.66, 0.50, 0.24, 0.46, 0.50, 0.20],
        # desert at dusk
        [0.40, 0.34, 0.62, 0.98, 0.66, 0.48, 0.60, 0.40, 0.46, 0.86, 0.58, 0.38, 0.70, 0.42, 0.28, 0.50, 0.30, 0.26],
        # snow
        [0.44, 0.60, 0.80, 0.84, 0.90, 0.96, 0.58, 0.68, 0.80, 0.86, 0.91, 0.97, 0.70, 0.79, 0.91, 0.98, 0.99, 1.00],
        # heath in the morning
        [0.56, 0.66, 0.88, 0.98, 0.84, 0.84, 0.52, 0.52, 0.66, 0.60, 0.52, 0.62, 0.42, 0.40, 0.46, 0.86, 0.52, 0.78],
        # shore
        [0.32, 0.66, 0.90, 0.76, 0.92, 0.94, 0.24, 0.56, 0.68, 0.92, 0.84, 0.66, 0.82, 0.70, 0.50, 0.97, 0.95, 0.90],
    ]
)
_SUN = torch.tensor([1.0, 0.97, 0.84]).view(1, 3, 1, 1)
_CLOUDS, _STREWN = 2, 9


class Land(NamedTuple):
    """Grounds of N scenes: ``[N, c, 1, 1]`` each, coordinates as of the canvas.

    colours: six, from the sky above to what is strewn on the ground.
    horizon: y of the horizon.
    sun_x, sun_y: the sun's place.
    shift: where the waves of hills and ground begin.
    clouds: x, y and width of each.
    strewn: x, depth (0 at the horizon, 1 in front) and size of each.
    """

    colours: tuple[Tensor, ...]
    horizon: Tensor
    sun_x: Tensor
    sun_y: Tensor
    shift: Tensor
    clouds: list[tuple[Tensor, Tensor, Tensor]]
    strewn: list[tuple[Tensor, Tensor, Tensor]]


def land(deal: Deal) -> Land:
    """Grounds as chance will have them."""
    tint = deal.between(0.93, 1.04)
    colours = tuple(part * tint for part in torch.split(deal.row(_LANDS), 3, dim=1))
    horizon = deal.between(0.0, 0.3)
    sun_x, sun_y = deal.between(0.2, 0.9) * deal.side(), deal.between(-0.9, -0.4)
    shift = deal.between(0.0, 1.0)
    clouds = [(deal.between(-1.0, 1.0), deal.between(-0.85, -0.25), deal.between(0.2, 0.4)) for _ in range(_CLOUDS)]
    strewn = [(deal.between(-1.0, 1.0), deal.between(0.15, 1.0), deal.between(0.6, 1.2)) for _ in range(_STREWN)]
    return Land(colours, horizon, sun_x, sun_y, shift, clouds, strewn)


def paint(place: Land, canvas: Canvas) -> Tensor:
    """The grounds without their animals, ``[N, 3, S, S]`` in [0, 1]."""
    return _on_ground(place, _in_sky(place, canvas), canvas)


def _in_sky(place: Land, canvas: Canvas) -> Tensor:
    above, below, hills, *_ = place.colours
    x, y = canvas.x, canvas.y
    sky = mix(above, below, ramp(y, -1.2, place.horizon))
    dx, dy = x - place.sun_x, y - place.sun_y
    away = dx * dx + dy * dy
    sky = mix(sky, _SUN, 0.45 * bump(away / 0.5) + 0.55 * (1.0 - ramp(away, 0.014, 0.024)))
    for cloud_x, cloud_y, width in place.clouds:
        puffs = torch.zeros_like(sky[:, :1])
        for aside, lift, size in ((-0.55, 0.0, 0.45), (0.0, -0.16, 0.62), (0.55, 0.02, 0.42)):
            dx, dy = (x - cloud_x) / width - aside, (y - cloud_y) / (width * 0.6) - lift
            puffs = puffs.maximum(bump((dx * dx + dy * dy) / (size * size)))
        sky = sky + (1.0 - sky) * (0.75 * ramp(puffs, 0.0, 0.8))
    ridge = place.horizon - 0.10 - 0.07 * wave(x * 0.35 + place.shift) - 0.03 * wave(x * 0.9 + place.shift * 3.0)
    return mix(sky, mix(hills, below, 0.35), ramp(y - ridge, -canvas.pixel, canvas.pixel))


def _on_ground(place: Land, picture: Tensor, canvas: Canvas) -> Tensor:
    _, _, _, far, near, strewn = place.colours
    x, depth = canvas.x, (canvas.y - place.horizon) / (1.0 - place.horizon)
    # As on flat land seen from above: what is far is seen small.
    nearness = depth.clamp(min=0.0) + 0.12
    across, away = x / nearness, 1.0 / nearness
    grain = wave(across * 0.53 + away * 0.31 + place.shift) + wave(across * 0.37 - away * 0.23 + place.shift * 5.0)
    tufts = wave(across * 1.3 + 0.4 * grain + place.shift) * wave(away * 0.9 + 0.5 * grain)
    ground = mix(far, near, ramp(depth, 0.0, 1.0)) * (1.0 + nearness * (0.03 * grain + 0.03 * tufts))
    dots = torch.zeros_like(depth)
    for at, low, size in place.strewn:
        radius = size * (0.018 + 0.022 * low)
        dx, dy = (x - at) / radius, (depth - low) * (1.0 - place.horizon) / (radius * 0.7)
        dots = dots.maximum(bump((dx * dx + dy * dy) * 0.5))
    ground = mix(ground, strewn, 0.8 * ramp(dots, 0.15, 0.5))
    return mix(picture, ground, ramp(depth, -0.5 * canvas.pixel, 0.5 * canvas.pixel))


def shadow(picture: Tensor, canvas: Canvas, x: Tensor, y: Tensor, width: Tensor) -> Tensor:
    """A soft shadow that lies flat on the ground around (``x``, ``y``)."""
    dx, dy = (canvas.x - x) / width, (canvas.y - y) / (width * 0.22)
    return picture * (1.0 - 0.45 * bump(dx * dx + dy * dy))
