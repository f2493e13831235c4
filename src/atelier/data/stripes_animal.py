"""How the animals of `data=stripes` are built: four kinds, no two animals alike."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from atelier.data.stripes_canvas import Deal
from atelier.data.stripes_limbs import Limb


class Kind(NamedTuple):
    """Proportions, in units in which a horse's trunk is about 1 long; ``[N, 1, 1, 1]`` each.

    trunk, girth: length between the two ends' centres, radius.
    neck, lean, rise, neck_girth: length, where it goes (forward and up), radius at the head.
    face, nose_x, nose_y, head_girth: length of the face, where it points (forward and down), radius of the head.
    ear: length.
    leg, leg_girth: from the trunk's axis to the ground, radius at the hoof.
    tail, tail_girth, tail_up: length, radius, 1 for a tail held up and −1 for one that hangs.
    mane: radius; a small one is hidden in the neck.
    """

    trunk: Tensor
    girth: Tensor
    neck: Tensor
    lean: Tensor
    rise: Tensor
    neck_girth: Tensor
    face: Tensor
    nose_x: Tensor
    nose_y: Tensor
    head_girth: Tensor
    ear: Tensor
    leg: Tensor
    leg_girth: Tensor
    tail: Tensor
    tail_girth: Tensor
    tail_up: Tensor
    mane: Tensor


# What is typical of a horse, a pony, a giraffe and a cat, in the order of Kind's fields.
_KINDS = torch.tensor(
    [
        [0.92, 0.29, 0.52, 0.55, 0.83, 0.15, 0.28, 0.80, 0.60, 0.165, 0.17, 0.82, 0.085, 0.50, 0.075, -1.0, 0.10],
        [0.80, 0.32, 0.44, 0.62, 0.78, 0.17, 0.26, 0.84, 0.54, 0.215, 0.17, 0.66, 0.105, 0.44, 0.095, -1.0, 0.13],
        [0.80, 0.30, 0.86, 0.42, 0.90, 0.13, 0.26, 0.90, 0.42, 0.155, 0.18, 0.92, 0.085, 0.46, 0.045, -1.0, 0.05],
        [0.88, 0.26, 0.34, 0.70, 0.72, 0.17, 0.11, 0.97, 0.25, 0.270, 0.24, 0.66, 0.090, 0.80, 0.070, 1.0, 0.02],
    ]
)

# Cream, sand, gold, apricot, pearl, rose, lilac, mint: light enough for stripes to show.
_COATS = torch.tensor(
    [
        [0.98, 0.93, 0.80],
        [0.93, 0.80, 0.58],
        [0.97, 0.76, 0.38],
        [0.96, 0.66, 0.46],
        [0.88, 0.88, 0.92],
        [0.97, 0.72, 0.72],
        [0.80, 0.72, 0.94],
        [0.70, 0.90, 0.78],
    ]
)
_BANDS = 2.25  # along the trunk


class Herd(NamedTuple):
    """N animals that look to the right, each in a frame of its own; y grows downwards.

    far: the two legs on the far side.
    behind: tail and mane.
    body: trunk, neck, head, near legs, ears.
    hair: 1 where mane and tail are of long hair, 0 where they are of the same fur as the body.
    head: centre and radius of the head, direction in which the nose points, and how far away the muzzle is.
    ground: y at which the feet stand.
    box: left, top, right and bottom of all limbs.
    band: length of a light and a dark band together.
    coat: colour ``[N, 3, 1, 1]``.
    """

    far: list[Limb]
    behind: list[Limb]
    body: list[Limb]
    hair: Tensor
    head: tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
    ground: Tensor
    box: tuple[Tensor, Tensor, Tensor, Tensor]
    band: Tensor
    coat: Tensor


def herd(deal: Deal) -> Herd:
    """Animals as chance will have them."""
    typical = deal.row(_KINDS).unbind(1)
    build = Kind(*(part[:, None] * deal.between(0.92, 1.08) for part in typical))
    coat = deal.blend(_COATS)
    trunk, chest = _trunk(build)
    neck, head, ears = _neck_and_head(build, chest)
    far, near = _legs(build, chest, deal.between(-0.06, 0.06), deal.between(-0.06, 0.06))
    behind = [*_tail(build, chest), _mane(build, neck)]
    body = [*trunk, neck, *near, *head, *ears]
    face = head[0]
    looks = (face.x0, face.y0, face.r0, build.nose_x, build.nose_y, build.face)
    everything = [*body, *far, *behind]
    hair = (build.tail_up < 0.0).float()
    return Herd(far, behind, body, hair, looks, build.leg, _box(everything), build.trunk / _BANDS, coat)


def _trunk(build: Kind) -> tuple[list[Limb], Tensor]:
    """Rump to belly to chest, and the chest's x. Lengths along the body start at the chest and grow backwards."""
    half, none = build.trunk * 0.5, build.trunk * 0.0
    sag = build.girth * 0.06
    rear = Limb(-half, none, none, sag, build.girth * 0.95, build.girth, half * 2.0, -1.0)
    front = Limb(none, sag, half, none, build.girth, build.girth * 0.93, half, -1.0, blend=0.1)
    return [rear, front], half


def _neck_and_head(build: Kind, chest: Tensor) -> tuple[Limb, list[Limb], list[Limb]]:
    """The neck, the face and the two ears; lengths along the body are negative in front of the chest."""
    x0, y0 = chest - build.girth * 0.12, build.girth * -0.30
    x1, y1 = x0 + build.neck * build.lean, y0 - build.neck * build.rise
    start = build.girth * 0.12
    neck = Limb(x0, y0, x1, y1, build.neck_girth * 1.5, build.neck_girth, start, -1.0, blend=0.22)
    nape = start - build.neck
    nose_x, nose_y = x1 + build.face * build.nose_x, y1 + build.face * build.nose_y
    face = Limb(x1, y1, nose_x, nose_y, build.head_girth, build.head_girth * 0.74, nape, -1.0, blend=0.08)
    ears = []
    for place, tilt in ((-0.75, -0.45), (0.05, 0.10)):
        foot_x, foot_y = x1 + build.head_girth * place, y1 - build.head_girth * 0.60
        tip_x, tip_y = foot_x + build.ear * tilt, foot_y - build.ear
        ears.append(Limb(foot_x, foot_y, tip_x, tip_y, build.ear * 0.40, build.ear * 0.14, nape, -1.0, blend=0.03))
    return neck, [face], ears


def _legs(build: Kind, chest: Tensor, fore: Tensor, hind: Tensor) -> tuple[list[Limb], list[Limb]]:
    """Far and near legs, each in the midst of its step."""
    far: list[Limb] = []
    near: list[Limb] = []
    for hip, step, forward in ((chest - build.leg_girth * 0.4, fore, 1.0), (build.leg_girth * 0.4 - chest, hind, -1.0)):
        # Far legs stand a good deal nearer to the belly and are half a step behind.
        for legs, inwards, phase in ((near, -0.03, 1.0), (far, 0.14, -1.0)):
            top_x, top_y = hip - inwards * forward, build.girth * 0.35
            # Where the leg leaves the trunk, the trunk's bands go on down the leg.
            along = chest - top_x + top_y
            bottom = build.leg - build.leg_girth
            sole = top_x + step * phase
            legs.append(Limb(top_x, top_y, sole, bottom, build.leg_girth * 1.7, build.leg_girth, along, blend=0.12))
    return far, near


def _tail(build: Kind, chest: Tensor) -> list[Limb]:
    """Two limbs: a hanging tail ends in a tuft, one that is held up in a curl."""
    x0, y0 = -chest - build.girth * 0.75, build.girth * -0.35
    half, up = build.tail * 0.55, build.tail_up
    x1, y1 = x0 - half * (0.65 + 0.10 * up), y0 + half * (0.30 - 0.30 * up)
    x2, y2 = x1 - half * (0.02 - 0.03 * up), y1 - half * up
    start, thin = chest * 2.0 + build.girth, build.tail_girth * 0.8
    dock = Limb(x0, y0, x1, y1, build.tail_girth, thin, start)
    end = Limb(x1, y1, x2, y2, thin, build.tail_girth * (1.1 - 0.2 * up), start + half, blend=0.16)
    return [dock, end]


def _mane(build: Kind, neck: Limb) -> Limb:
    """Behind the neck, from between the ears down to the withers."""
    back_x, back_y = -build.rise * build.neck_girth, -build.lean * build.neck_girth
    x0, y0, x1, y1 = neck.x0 + back_x * 1.2, neck.y0 + back_y * 1.2, neck.x1 + back_x * 0.8, neck.y1 + back_y * 0.8
    return Limb(x0, y0, x1, y1, build.mane * 0.9, build.mane, neck.along)


def _box(limbs: list[Limb]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    lefts, tops, rights, bottoms = [], [], [], []
    for limb in limbs:
        for x, y, r in ((limb.x0, limb.y0, limb.r0), (limb.x1, limb.y1, limb.r1)):
            lefts.append(x - r)
            tops.append(y - r)
            rights.append(x + r)
            bottoms.append(y + r)
    return (
        torch.stack(lefts).amin(0),
        torch.stack(tops).amin(0),
        torch.stack(rights).amax(0),
        torch.stack(bottoms).amax(0),
    )
