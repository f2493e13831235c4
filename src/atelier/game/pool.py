"""Fakes of earlier steps, shown to a critic again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from atelier.moment import Moment
from atelier.types import Mistake


class ImagePool:
    """A buffer of fakes that keeps a critic from chasing the generator's latest ones alone.

    Shrivastava et al. 2017 (section 2.3), as CycleGAN has it (Zhu et al. 2017, section 4): until the pool is full every
    fake is kept and passed on; then one half of the fakes is passed on as it is, and the other half takes the place of
    a stored one, each as likely, which is passed on instead.

    Images may differ in size. Each rank has a pool of its own.

    capacity: number of images; 0 passes every fake on.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 0:
            raise Mistake(f"capacity={capacity}: an image pool holds a number of images from 0 (no pool) upwards")
        self.capacity = capacity
        self.images: list[Tensor] = []

    def swap(self, fakes: Tensor, moment: Moment) -> Tensor:
        """Fakes ``[B, C, H, W]``, some of them exchanged for earlier ones; no gradient leaves through them."""
        fakes = fakes.detach()
        if self.capacity == 0:
            return fakes
        here = moment._replace(device="cpu")  # decisions are the host's: it must not wait for the device
        old = (here.uniform("old", len(fakes)) < 0.5).tolist()
        places = here.integers("place", len(fakes), low=0, high=self.capacity).tolist()
        return torch.stack([self._swap(*each) for each in zip(fakes, old, places, strict=True)])

    def _swap(self, fake: Tensor, old: bool, place: int) -> Tensor:
        if len(self.images) < self.capacity:
            self.images.append(fake.clone())
            return fake
        if not old:
            return fake
        stored, self.images[place] = self.images[place], fake.clone()
        return stored

    def fill(self, images: Sequence[Tensor], device: torch.device) -> None:
        """Go on from stored images ``[C, H, W]``."""
        self.images = [image.to(device) for image in images]
