"""In which order the samples of the shards are trained on, and the batches themselves."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from atelier.data import picture
from atelier.data.batches import BatchSet, Draw
from atelier.data.names import printable
from atelier.data.shard_index import Index
from atelier.data.shard_store import Store
from atelier.moment import Moment
from atelier.types import ImageBatch, Mistake

log = logging.getLogger(__name__)


def mixed(counts: Sequence[int], window: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of one epoch: every sample once, ``[sum(counts)]``; sample i of a shard follows all shards before it.

    The shards are permuted, and the samples of each ``window`` of them are permuted among themselves: so that many
    shards are needed at a time, and no more. A function of (seed, epoch): the same for any number of ranks and workers.
    """
    moment = Moment(seed=seed, step=epoch).within("data")
    starts = np.concatenate([[0], np.cumsum(counts)])
    shards = torch.randperm(len(counts), generator=moment.generator("shards")).tolist()
    pieces = []
    for first in range(0, len(shards), window):
        here = np.concatenate([np.arange(starts[s], starts[s + 1]) for s in shards[first : first + window]])
        pieces.append(here[torch.randperm(len(here), generator=moment.generator(f"window {first}")).numpy()])
    return np.concatenate(pieces)


class ShardBatches(BatchSet):
    """Samples of shards, asked for in batches and decoded when they are; a pass opens each shard once per batch.

    A picture that cannot be read is named, and the next one of its shard stands in its place: the number of images,
    on which all ranks must agree, stays what it is.

    store: the shards. shape: what pictures are brought to.
    """

    def __init__(self, store: Store, shape: picture.Shape) -> None:
        self.store, self.shape = store, shape
        self.starts = np.concatenate([[0], np.cumsum(store.counts)])
        self._lost: set[tuple[int, int]] = set()

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, draw: Draw) -> ImageBatch:
        shards = np.searchsorted(self.starts, draw.indices, side="right") - 1
        pixels = np.empty((len(shards), self.shape.channels, *2 * (self.shape.image_size,)), np.uint8)
        labels = np.empty(len(shards), np.int64)
        for shard in np.unique(shards).tolist():
            index = self._index(shard)
            where = np.flatnonzero(shards == shard)
            places = draw.indices[where] - self.starts[shard]
            with self.store.open(shard) as file:
                for row, place in zip(where, places, strict=True):
                    pixels[row], labels[row] = self._next(file, shard, index, int(place))
        known = torch.from_numpy(labels) if (labels >= 0).all() else None
        return ImageBatch(torch.from_numpy(pixels), torch.from_numpy(draw.indices), known, draw.step, draw.epoch)

    def _index(self, shard: int) -> Index:
        index = self.store.index(shard)
        if len(index) != self.store.counts[shard]:
            name, stated = self.store.shards[shard], self.store.counts[shard]
            raise Mistake(f"{name}: sizes.json beside it says {stated} samples, and it holds {len(index)}")
        return index

    def _next(self, file: BinaryIO, shard: int, index: Index, place: int) -> tuple[NDArray[np.uint8], int]:
        """The picture at ``place``, ``[C, S, S]``, with its class; else the next one that can be read."""
        for candidate in ((place + step) % len(index) for step in range(len(index))):
            try:
                file.seek(int(index.offsets[candidate]))
                content = file.read(int(index.lengths[candidate]))
                return picture.decode(content, self.shape), int(index.labels[candidate])
            except Exception as error:  # a broken picture can raise anything out of a decoder
                self._lose(shard, candidate, index, error)
        raise Mistake(f"{self.store.shards[shard]}: none of its {len(index)} pictures can be read")

    def _lose(self, shard: int, place: int, index: Index, reason: Exception) -> None:
        """Name a picture that cannot be read, once in a process."""
        if (shard, place) not in self._lost:
            self._lost.add((shard, place))
            name = printable(f"{self.store.shards[shard]}: {index.names[place]}")
            log.warning("%s cannot be read (%s): the next one stands in its place", name, printable(str(reason)))
