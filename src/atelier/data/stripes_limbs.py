"""Bodies as sets of tapered limbs that flow into each other: outlines, roundness, and lengths along the body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Limb(NamedTuple):
    """A tapered limb with round ends; every field is ``[N, 1, 1, 1]``, lengths in the animal's own units.

    x0, y0, x1, y1: the centres of its ends.
    r0, r1: its radii there.
    along: the length along the body at the first end.
    rate: how much that length grows with every unit towards the other end; −1 where it runs backwards.
    blend: how softly it flows into the limbs before it.
    """

    x0: Tensor
    y0: Tensor
    x1: Tensor
    y1: Tensor
    r0: Tensor
    r1: Tensor
    along: Tensor
    rate: float = 1.0
    blend: float = 0.05


class Relief(NamedTuple):
    """What limbs look like from the side; every field is ``[N, 1, S, S]``.

    distance: to the outline, negative inside.
    lean_x, lean_y: the surface's normal, as far as it lies in the picture's plane; of length 1 at the outline.
    along: length along the body.
    """

    distance: Tensor
    lean_x: Tensor
    lean_y: Tensor
    along: Tensor


def relief(limbs: Sequence[Limb], x: Tensor, y: Tensor) -> Relief:
    """The limbs at the places ``x`` and ``y``, which broadcast to ``[N, 1, S, S]``.

    Limbs are joined by the polynomial smooth minimum (Quilez 2013, "smooth minimum": min − k h (1 − h), with h the
    share of either), and everything else is blended by the same shares.
    """
    whole = _single(limbs[0], x, y)
    for limb in limbs[1:]:
        part = _single(limb, x, y)
        share = (whole[0] - part[0]).mul_(0.5 / limb.blend).add_(0.5).clamp_(0.0, 1.0)
        rounding = (1.0 - share).mul_(share).mul_(limb.blend)
        whole.add_(part.sub_(whole).mul_(share))
        whole[0].sub_(rounding)
    return Relief(*whole.unbind(0))


def _single(limb: Limb, x: Tensor, y: Tensor) -> Tensor:
    """The relief of one limb, its fields stacked: each pixel looks at the nearest point of the limb's axis."""
    run, rise = limb.x1 - limb.x0, limb.y1 - limb.y0
    length = (run * run + rise * rise).sqrt()
    run, rise = run / length, rise / length
    dx, dy = x - limb.x0, y - limb.y0
    forward = dx * run + dy * rise
    nearest = forward.clamp(min=0.0).minimum(length)
    radius = (nearest * ((limb.r1 - limb.r0) / length)).add_(limb.r0)
    stacked = torch.empty(4, *forward.shape)
    distance, lean_x, lean_y, along = stacked.unbind(0)
    torch.sub(dx, nearest * run, out=lean_x)
    torch.sub(dy, nearest.mul_(rise), out=lean_y)
    torch.mul(lean_x, lean_x, out=distance).add_(lean_y * lean_y).sqrt_().sub_(radius)
    stacked[1:3].div_(radius)
    torch.mul(forward, limb.rate, out=along).add_(limb.along)
    return stacked
