"""The data module of single images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from atelier.counted import counted
from atelier.data.batches import Batches, Loader, TrainingBatches
from atelier.data.chosen import Chosen, Everything, rows
from atelier.data.names import few
from atelier.data.selection import fingerprint, named, shuffled
from atelier.data.shuffle import permuted
from atelier.data.single import SingleData
from atelier.data.source import Images, Source, Split
from atelier.types import ImageBatch, Mistake


class ImageData(SingleData):
    """Batches of single images from any source.

    source: where the images come from; it gives ``channels`` x ``image_size`` x ``image_size``.
    image_size, channels: the images' shape, which models and scores interpolate.
    batch_size: of the global batch, so it must divide by the number of devices; what is left of an epoch is
        dropped.
    eval_batch_size: largest global batch of an evaluation, in which every image stands exactly once.
    seed: of the order and the flips.
    workers: processes that gather batches; 0 gathers them in the training process, which is enough for images
        that are already decoded. The result is the same.
    flip: mirror each training image with probability 1/2.
    subset: train on this many images only (a smaller subset lies within a larger one); None for all.
    classes: class numbers to keep in both splits, under their own numbers; None for all.
    eval_split: the split that validation loops over.
    facts: what is known of the data without loading it (kind, classes, licence ...).
    root: folder of the data, where the source has one.
    """

    def __init__(
        self,
        source: Source,
        *,
        image_size: int,
        channels: int,
        batch_size: int,
        eval_batch_size: int,
        seed: int,
        workers: int,
        flip: bool,
        subset: int | None,
        classes: Sequence[int] | None,
        eval_split: Split,
        facts: Mapping[str, Any],
        root: str | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            seed=seed,
            workers=workers,
            flip=flip,
            subset=subset,
            eval_split=eval_split,
        )
        if classes is not None and not classes:
            raise Mistake("data.classes=[]: name at least one class, or null for all")
        self.source = source
        self.classes = None if classes is None else tuple(classes)
        self.facts: Mapping[str, Any] = {
            **facts,
            "image_size": image_size,
            "channels": channels,
            "root": root,
        }
        self._splits: dict[Split, Batches] = {}

    def prepare_data(self) -> None:
        """Download, build caches, and find out whether the selection can be made."""
        self.source.prepare()
        for split in ("train", "test"):
            self.split(split)

    def train_dataloader(self) -> Loader[ImageBatch]:
        """Global batches in the order of (seed, epoch), this rank's slice of each."""
        batches = self.split("train")
        order = partial(permuted, len(batches), self.seed)
        drawn = TrainingBatches(order, len(batches), self.batch_size, rank=self._rank, world=self._world)
        return Loader(batches, drawn, self.workers)

    def fingerprint(self, split: str) -> str:
        """16 hexadecimal digits that stand for the split's pixels, their shape and the selection."""
        batches = self.split(named(split))
        pixels = batches.images.pixels
        return fingerprint(f"{list(pixels.shape)} {pixels.dtype}", pixels, rows(batches.chosen))

    def split(self, split: Split) -> Batches:
        """The images of ``split`` that the selection leaves; loaded when first asked for."""
        if split not in self._splits:
            images = self.source.load(split)
            shape, stated = tuple(images.pixels.shape[1:]), self.facts
            assert shape == (stated["channels"], stated["image_size"], stated["image_size"]), shape
            _refuse_broken(images, split)
            _refuse_other_classes(images, stated.get("num_classes"))
            self._splits[split] = Batches(images, self._chosen(images, split))
        return self._splits[split]

    def _chosen(self, images: Images, split: Split) -> Chosen:
        chosen: Chosen = Everything(len(images.pixels))
        if self.classes is not None:
            chosen = _of_classes(images, self.classes)
            if not len(chosen):
                raise Mistake(f"data.classes={list(self.classes)}: the {split} split has no image of them")
        if self.subset is None or split == "test":
            return chosen
        if self.subset > len(chosen):
            raise Mistake(f"data.subset={self.subset} is more than {counted(len(chosen), 'training image')}")
        return chosen[shuffled(len(chosen), "subset")[: self.subset]]


def _refuse_broken(images: Images, split: Split) -> None:
    """Data that comes as floats may hold what is no level at all; bytes cannot."""
    if not images.pixels.is_floating_point():
        return
    broken = (~images.pixels.flatten(1).isfinite()).any(1).nonzero().flatten().tolist()
    if broken:
        name = images.names[broken[0]] if images.names is not None else f"image {broken[0]}"
        raise Mistake(
            f"data: {name} of the {split} split has pixels that are NaN or infinite ({len(broken)} images have)"
        )


def _refuse_other_classes(images: Images, stated: int | None) -> None:
    """A number of classes that somebody typed, and the data has another: networks have a place for each of them."""
    if stated is None or images.labels is None:
        return
    named = images.classes or []
    there = len(named) or int(images.labels.max()) + 1
    if there > stated or (named and there < stated):
        among = f" ({few(named)})" if named else ""
        raise Mistake(f"data.facts.num_classes={stated}: the data has {there} classes{among}")


def _of_classes(images: Images, classes: Sequence[int]) -> Tensor:
    wanted = f"data.classes={list(classes)}"
    if images.labels is None:
        raise Mistake(f"{wanted}: this data has no labels to choose by")
    names = images.classes or [str(label) for label in range(int(images.labels.max()) + 1)]
    if unknown := [label for label in classes if not 0 <= label < len(names)]:
        listed = ", ".join(f"{label} ({name})" for label, name in enumerate(names) if str(label) != name)
        raise Mistake(f"{wanted}: no class {unknown[0]}; there are 0 to {len(names) - 1}{listed and ': '}{listed}")
    return torch.isin(images.labels, torch.tensor(list(classes))).nonzero().squeeze(1)
