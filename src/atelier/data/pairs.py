"""Batches of two domains, and of one of them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from atelier.data.batches import Draw
from atelier.data.chosen import Chosen
from atelier.data.jitter import cut_out
from atelier.data.ragged import Ragged, gather
from atelier.moment import Moment
from atelier.types import Domain, ImageBatch, UnpairedBatch

Pairing = Literal["random", "serial"]


class Side(NamedTuple):
    """One domain of a split.

    pixels: all its images.
    chosen: the positions among them that are looked at; position i of a draw means ``chosen[i]``.
    """

    pixels: Tensor | Ragged
    chosen: Chosen


class DomainBatches(Dataset[ImageBatch]):
    """One domain, asked for whole batches."""

    def __init__(self, side: Side) -> None:
        self.side = side

    def __len__(self) -> int:
        return len(self.side.chosen)

    def __getitem__(self, draw: Draw) -> ImageBatch:
        indices = torch.from_numpy(draw.indices)
        images = gather(self.side.pixels, self.side.chosen[indices])
        return ImageBatch(images, indices, None, draw.step, draw.epoch)


class Pairs(Dataset[UnpairedBatch]):
    """Two domains as the public implementation pairs them (data/unaligned_dataset.py).

    There are as many pairs as the larger domain has images. Pair i has image i mod |A| of domain a; its
    partner is drawn anew at random each time (pairing "random"), or is image i mod |B| ("serial").

    crop_size: side of the crops that are cut out of the images, None where these stay whole.
    moment: seed, rank and world of the draws.
    """

    def __init__(self, a: Side, b: Side, pairing: Pairing, crop_size: int | None, moment: Moment) -> None:
        self.a, self.b, self.pairing, self.crop_size, self.moment = a, b, pairing, crop_size, moment

    def __len__(self) -> int:
        return max(len(self.a.chosen), len(self.b.chosen))

    def __getitem__(self, draw: Draw) -> UnpairedBatch:
        moment = Moment(self.moment.seed, draw.step, draw.epoch, self.moment.rank, self.moment.world).within("data")
        indices = torch.from_numpy(draw.indices)
        of_a, of_b = indices % len(self.a.chosen), indices % len(self.b.chosen)
        if self.pairing == "random":
            of_b = moment.integers("pair", len(indices), low=0, high=len(self.b.chosen))
        a, b = self._images(self.a, of_a, "a", moment), self._images(self.b, of_b, "b", moment)
        return UnpairedBatch(a, b, of_a, of_b, draw.step, draw.epoch)

    def _images(self, side: Side, indices: Tensor, domain: Domain, moment: Moment) -> Tensor:
        rows = side.chosen[indices]
        size = self.crop_size
        whole = isinstance(side.pixels, Tensor) and side.pixels.shape[2:] == (size, size)
        if size is None or whole:
            return gather(side.pixels, rows)
        return cut_out(side.pixels, rows, size, moment, domain)
