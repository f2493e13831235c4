"""Which images of a split are looked at, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Dataset

from atelier.data.batches import Draw, OrderedBatches
from atelier.data.chosen import Chosen, Everything
from atelier.data.source import Split
from atelier.moment import Moment
from atelier.types import ImageBatch, Mistake

# Which images a subset or a sample of reals holds must not change from run to run: figures could not be
# compared.
_SEED = 0


def named(split: str) -> Split:
    """The split of this name. Raises Mistake where there is none."""
    if split == "train":
        return "train"
    if split == "test":
        return "test"
    raise Mistake(f"{split}: no such split; there are train and test")


def shuffled(size: int, purpose: str) -> Tensor:
    """A permutation of ``size`` positions that depends on ``purpose`` alone."""
    generator = Moment(seed=_SEED, step=0).within("data").generator(purpose)
    return torch.randperm(size, generator=generator)


def sample(
    batches: Dataset[ImageBatch], size: int, what: str, count: int | None, batch_size: int
) -> Iterator[ImageBatch]:
    """All images of ``batches`` in order, or ``count`` that are drawn without replacement.

    A smaller count is the beginning of a larger one.

    batches: asked for by :class:`~atelier.data.batches.Draw`.
    size: images in it.
    what: the split in words, which also decides the draw.
    """
    if count is not None and not 0 < count <= size:
        raise Mistake(f"{count} real images wanted of the {what} split, which has {size}")
    order: Chosen = Everything(size) if count is None else shuffled(size, f"reals/{what}")[:count]
    for draw in OrderedBatches(len(order), batch_size):
        yield batches[Draw(draw.step, draw.epoch, order[torch.from_numpy(draw.indices)].numpy())]


def fingerprint(words: str, *parts: Tensor) -> str:
    """16 hexadecimal digits that stand for ``words`` and the content of ``parts``."""
    content = hashlib.blake2b(words.encode(), digest_size=8)
    for part in parts:
        content.update(part.contiguous().numpy().data)
    return content.hexdigest()
