"""The differentiable augmentation of Zhao et al. 2020 (DiffAugment)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from atelier.moment import Moment
from atelier.types import Mistake

Part = Literal["color", "translation", "cutout"]
Chance = Mapping[str, Tensor]
"""Uniform numbers in [0, 1), one per image, by what they decide: ``[B]`` each."""

_DECISIONS = ("brightness", "saturation", "contrast", "shift_y", "shift_x", "hole_y", "hole_x", "chosen")


class DiffAugment:
    """What the critic sees is changed at random, reals and fakes alike; gradients pass to the generator.

    The strengths are those of the paper's section 3.3 and of its code. What leaves the picture is gone, what
    is cut out or moved in is 0 (mid-grey). Values may leave [-1, 1].

    policy: parts in the order in which they act: "color" (brightness ± 0.5, saturation × [0, 2), contrast ×
        [0.5, 1.5)), "translation" (by up to 1/8 of the side, to the nearest pixel), "cutout" (a square hole of half
        the side, rounded up).
    probability: of an image being changed at all, or a function of the epoch that gives it.
    """

    def __init__(self, policy: Sequence[Part], probability: float | Callable[[float], float]) -> None:
        unknown = [part for part in policy if part not in _PARTS]
        if unknown or not policy or len(set(policy)) < len(policy):
            raise Mistake(
                f"augment.policy={policy}: name some of {', '.join(_PARTS)}, each once; "
                "augment=none switches augmentation off"
            )
        if not callable(probability) and not 0 <= probability <= 1:
            raise Mistake(f"augment.probability={probability}: a probability lies between 0 and 1")
        self._parts = [_PARTS[part] for part in policy]
        self._probability = probability

    def __call__(self, images: Tensor, moment: Moment) -> Tensor:
        """``[B, C, H, W]`` changed; what befalls an image depends on its place in the batch and on chance."""
        # One draw decides everything: one transfer to the device, and a part's chance is alike in any policy.
        drawn = moment.uniform("diffaugment", len(images), len(_DECISIONS))
        chance = dict(zip(_DECISIONS, drawn.unbind(1), strict=True))
        changed = images
        for part in self._parts:
            changed = part(changed, chance)
        probability = self._probability(moment.epoch) if callable(self._probability) else self._probability
        return torch.where(_per_image(chance["chosen"]) < probability, changed, images)


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _color(images: Tensor, chance: Chance) -> Tensor:
    brightness, saturation, contrast = (
        _per_image(chance[decision]).to(images.dtype) for decision in ("brightness", "saturation", "contrast")
    )
    images = images + (brightness - 0.5)
    if images.shape[1] > 1:  # grey is its own mean over the channels
        images = torch.lerp(images.mean(1, keepdim=True), images, 2 * saturation)
    return torch.lerp(images.mean((1, 2, 3), keepdim=True), images, contrast + 0.5)


def _translation(images: Tensor, chance: Chance) -> Tensor:
    for dim, decision in ((2, "shift_y"), (3, "shift_x")):
        furthest = (images.shape[dim] + 4) // 8
        shift = _below(2 * furthest + 1, chance[decision]) - furthest
        images = _shift(images, shift, dim)
    return images


def _shift(images: Tensor, shift: Tensor, dim: int) -> Tensor:
    """Image i moved by ``shift[i]`` pixels along ``dim``; zeros move in."""
    length = images.shape[dim]
    source = _along(torch.arange(length, device=images.device) - shift[:, None], dim)
    # Modulo makes the rows a permutation: the gradient's scatter then never adds twice to one place.
    moved = images.gather(dim, (source % length).expand_as(images))
    return moved.masked_fill((source < 0) | (source >= length), 0)


def _cutout(images: Tensor, chance: Chance) -> Tensor:
    hole = [_hole(images, chance[decision], dim) for dim, decision in ((2, "hole_y"), (3, "hole_x"))]
    return images.masked_fill(hole[0] & hole[1], 0)


def _hole(images: Tensor, chance: Tensor, dim: int) -> Tensor:
    """Where along ``dim`` the hole lies; its centre is anywhere, so that it may stick out of the picture."""
    length = images.shape[dim]
    size = (length + 1) // 2
    first = _below(length + 1 - size % 2, chance) - size // 2
    places = torch.arange(length, device=images.device)
    return _along((places >= first[:, None]) & (places < first[:, None] + size), dim)


def _below(count: int, chance: Tensor) -> Tensor:
    """Whole numbers in [0, count), equally likely."""
    return (chance * count).long()


def _along(rows: Tensor, dim: int) -> Tensor:
    """``[B, L]`` as a view that broadcasts over images with L as their ``dim``."""
    return rows[:, None, :, None] if dim == 2 else rows[:, None, None, :]


_PARTS: Mapping[Part, Callable[[Tensor, Chance], Tensor]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}
