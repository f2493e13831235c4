"""The data module of images in shards, which may be more than one disk holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from atelier.data.batches import Loader, TrainingBatches
from atelier.data.picture import DECODING, Shape
from atelier.data.selection import named
from atelier.data.shard_batches import ShardBatches, mixed
from atelier.data.shard_store import Store, addresses
from atelier.data.single import SingleData
from atelier.data.source import Split, check_shape
from atelier.types import ImageBatch, Mistake


class ShardData(SingleData):
    """Batches of single images from tar shards in WebDataset's form, local or by http(s).

    Every sample stands exactly once in an epoch, over all ranks and workers, but for what is left of the last global
    batch; the order is a function of (seed, epoch) alone, and a run goes on at any step without loading what lies
    before it. Classes are the numbers in ``.cls`` files. Only pictures and class numbers are read, by our own decoder:
    nothing is unpickled and no shell is asked.

    urls, eval_urls: training and test shards: names or addresses, with ``{000..009}``, ``{a,b}`` and, of local files,
        ``*``.
    image_size, channels: what pictures are cut to a centre square and resized to.
    window: shards that are mixed at a time; more mix better, and more must lie on the disk.
    keep: shards of the web that lie on this machine's disk at a time (in the cache), all processes together.
    batch_size, eval_batch_size, seed, workers, flip, eval_split, facts: as in
        :class:`~atelier.data.images.ImageData`.
    """

    def __init__(
        self,
        *,
        urls: str | Sequence[str],
        eval_urls: str | Sequence[str],
        image_size: int,
        channels: int,
        window: int,
        keep: int,
        batch_size: int,
        eval_batch_size: int,
        seed: int,
        workers: int,
        flip: bool,
        eval_split: Split,
        facts: Mapping[str, Any],
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            seed=seed,
            workers=workers,
            flip=flip,
            subset=None,
            eval_split=eval_split,
        )
        check_shape(image_size, channels)
        if window < 1:
            raise Mistake(f"data.window={window}: at least one shard is read at a time")
        if keep < window:
            raise Mistake(f"data.keep={keep}: at least data.window={window} shards must lie on the disk")
        self.urls: dict[Split, tuple[str, str | Sequence[str]]] = {
            "train": ("data.urls", urls),
            "test": ("data.eval_urls", eval_urls),
        }
        self.shape, self.window, self.keep = Shape(image_size, channels), window, keep
        self.facts: Mapping[str, Any] = {**facts, "image_size": image_size, "channels": channels}
        self._splits: dict[Split, ShardBatches] = {}

    def prepare_data(self) -> None:
        """Find every shard, and count the samples where no ``sizes.json`` says how many there are."""
        for split in self.urls:
            self.split(split)

    def train_dataloader(self) -> Loader[ImageBatch]:
        """Global batches in the order of (seed, epoch), this rank's slice of each."""
        batches = self.split("train")
        order = partial(mixed, batches.store.counts, self.window, self.seed)
        drawn = TrainingBatches(order, len(batches), self.batch_size, rank=self._rank, world=self._world)
        return Loader(batches, drawn, self.workers)

    def fingerprint(self, split: str) -> str:
        """16 hexadecimal digits that stand for the split's shards (names, places and sizes) and the images' shape."""
        store = self.split(named(split)).store
        words = hashlib.blake2b(f"{DECODING} {self.shape}".encode(), digest_size=8)
        for place, shard in enumerate(store.shards):
            index = store.index(place)
            words.update(f"{shard} {index.names}".encode(errors="backslashreplace"))
            for column in (index.offsets, index.lengths, index.labels):
                words.update(column.tobytes())
        return words.hexdigest()

    def split(self, split: Split) -> ShardBatches:
        """The images of ``split``; its shards are found when it is first asked for."""
        if split not in self._splits:
            option, urls = self.urls[split]
            self._splits[split] = ShardBatches(Store(addresses(urls, option), self.keep), self.shape)
        return self._splits[split]
