"""The data module of two domains without pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, get_args

import torch
from torch import Tensor

from atelier.data.batches import Batches, Loader, TrainingBatches, fitting, validating
from atelier.data.chosen import Chosen, Everything, rows
from atelier.data.distributed import DistributedData
from atelier.data.domains import DomainSource
from atelier.data.jitter import flip_in_place
from atelier.data.pairs import DomainBatches, Pairing, Pairs, Side
from atelier.data.preprocess import Way, crops
from atelier.data.ragged import Ragged
from atelier.data.selection import fingerprint, named, sample, shuffled
from atelier.data.shuffle import permuted
from atelier.data.source import Images, Split, check_loading
from atelier.direction import DOMAINS
from atelier.moment import Moment
from atelier.pixels import to_unit
from atelier.types import Domain, ImageBatch, Mistake, UnpairedBatch


class UnpairedData(DistributedData):
    """Batches of two domains, as the public implementation of CycleGAN draws, crops and flips them.

    An epoch has as many pairs as the larger domain has images, in a fresh random order; the smaller domain is gone
    through more than once. What is left of an epoch after the last whole batch is dropped. Images of the train
    split are kept larger than they are evaluated where ``preprocess`` crops; crops are cut out as a batch is gathered,
    the flip and the scaling to [-1, 1] run on the device, and every draw is a function of seed and step.

    source: where the images come from.
    image_size: side in pixels of the crops and of evaluated images.
    channels: of both domains; ``channels_a`` and ``channels_b`` where they differ.
    batch_size: pairs of the global batch, so it must divide by the number of devices.
    eval_batch_size: largest global batch of an evaluation, in which every image stands exactly once; images of
        different sizes come one by one.
    seed: of the order, the pairs, the crops and the flips.
    workers: processes that gather batches; 0 gathers them in the training process. The result is the same.
    flip: mirror each training image with probability 1/2.
    pairing: "random" draws the partner of each image of domain a; "serial" takes both in step.
    preprocess, load_size: how the source prepares images (see :class:`~atelier.data.preprocess.Preprocess`).
    subset: train on at most this many images of each domain; None for all.
    eval_split: the split that validation loops over.
    facts: what is known of the data without loading it (kind, licence ...).
    root: folder of the data, where the source has one.
    """

    def __init__(
        self,
        source: DomainSource,
        *,
        image_size: int,
        channels: int,
        batch_size: int,
        eval_batch_size: int,
        seed: int,
        workers: int,
        flip: bool,
        pairing: Pairing,
        preprocess: Way,
        load_size: int,
        subset: int | None,
        eval_split: Split,
        facts: Mapping[str, Any],
        channels_a: int | None = None,
        channels_b: int | None = None,
        root: str | None = None,
    ) -> None:
        super().__init__()
        check_loading(
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            workers=workers,
            subset=subset,
            eval_split=eval_split,
        )
        if pairing not in get_args(Pairing):
            raise Mistake(f"data.pairing={pairing}: must be one of {', '.join(get_args(Pairing))}")
        self.source = source
        self.image_size = image_size
        self.channels: dict[Domain, int] = {"a": channels_a or channels, "b": channels_b or channels}
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.seed, self.workers, self.flip = seed, workers, flip
        self.pairing, self.preprocess = pairing, preprocess
        self.subset, self.eval_split = subset, eval_split
        self.facts: Mapping[str, Any] = {**facts, "image_size": image_size, "channels": channels, "root": root}
        self.load_size = load_size
        self._sides: dict[tuple[Split, Domain], Side] = {}
        self._training: dict[Domain, Side] = {}

    def prepare_data(self) -> None:
        """Download, build caches, and find out whether the selection can be made."""
        self.source.prepare()
        for domain in DOMAINS:
            self.training_side(domain)
            self.side(self.eval_split, domain)

    def setup(self, stage: str | None = None) -> None:
        """Settle the batch size for this many devices and images."""
        if stage not in (None, "fit"):
            return
        sides = [self.training_side(domain) for domain in DOMAINS]
        size = max(len(side.chosen) for side in sides)
        self.batch_size = fitting(self.batch_size, size, self._world)
        whole = any(isinstance(side.pixels, Ragged) for side in sides) and not crops(self.preprocess)
        if whole and self.batch_size > self._world:
            raise Mistake(
                f"data.batch_size={self.batch_size}: with data.preprocess={self.preprocess} images keep different "
                f"sizes and cannot share a batch; use data.batch_size={self._world}, or a way that crops"
            )

    def train_dataloader(self) -> Loader[UnpairedBatch]:
        """Global batches in the order of (seed, epoch), this rank's slice of each."""
        place = Moment(self.seed, step=0, rank=self._rank, world=self._world)
        crop_size = self.image_size if crops(self.preprocess) else None
        a, b = (self.training_side(domain) for domain in DOMAINS)
        pairs = Pairs(a, b, self.pairing, crop_size, place)
        order = partial(permuted, len(pairs), self.seed)
        drawn = TrainingBatches(order, len(pairs), self.batch_size, rank=self._rank, world=self._world)
        return Loader(pairs, drawn, self.workers)

    def val_dataloader(self) -> list[Loader[ImageBatch]]:
        """Domain a's images of ``eval_split`` and domain b's, each once, in order, spread over the ranks."""
        return [self._ordered(DomainBatches(self.side(self.eval_split, domain))) for domain in DOMAINS]

    def on_after_batch_transfer(self, batch: UnpairedBatch | ImageBatch, dataloader_idx: int) -> Any:
        """On the device: flip pairs (training), and scale all to [-1, 1]."""
        if isinstance(batch, ImageBatch):
            return batch._replace(images=to_unit(batch.images))
        if self.flip:
            moment = Moment(self.seed, batch.step, batch.epoch, self._rank, self._world).within("data")
            flip_in_place(batch.a, moment, "a")
            flip_in_place(batch.b, moment, "b")
        return batch._replace(a=to_unit(batch.a), b=to_unit(batch.b))

    def domain(self, domain: Domain) -> DomainReals:
        """One domain as a collection of its own, as it is evaluated."""
        return DomainReals(self, domain)

    def truth(self, split: str, domain: Domain) -> Tensor | None:
        """The true partner of every image of ``split``, in order, uint8 ``[N, C, H, W]``; None where nobody knows."""
        known = self.source.truth(named(split), domain)
        return None if known is None else known[rows(self.side(named(split), domain).chosen)]

    def split(self, split: Split) -> Batches:
        """Both domains' images of ``split`` as two classes, 0 for a and 1 for b, as they are evaluated.

        Raises Mistake where they do not have one size and number of channels.
        """
        pixels = [self.side(split, domain).pixels for domain in DOMAINS]
        fixed = [part for part in pixels if isinstance(part, Tensor)]
        if len({part.shape[1:] for part in fixed}) != 1 or len(fixed) < len(DOMAINS):
            raise Mistake("data: images of the two domains differ in size or channels; a classifier needs equal ones")
        labels = torch.arange(len(DOMAINS)).repeat_interleave(torch.tensor([len(part) for part in fixed]))
        chosen = [rows(self.side(split, domain).chosen) for domain in DOMAINS]
        chosen[1] = chosen[1] + len(fixed[0])
        return Batches(Images(torch.cat(fixed), labels, classes=DOMAINS), torch.cat(chosen))

    def side(self, split: Split, domain: Domain) -> Side:
        """One domain's images of ``split`` as they are evaluated; loaded when first asked for."""
        if (split, domain) not in self._sides:
            pixels = self.source.load(split, domain).pixels
            self._check(pixels, domain)
            self._sides[split, domain] = Side(pixels, self._chosen(split, domain, len(pixels)))
        return self._sides[split, domain]

    def training_side(self, domain: Domain) -> Side:
        """The same images of the train split as crops are taken of them."""
        if domain not in self._training:
            pixels = self.source.training(domain).pixels
            if isinstance(pixels, Tensor):
                pixels = pixels.contiguous()  # crops are lines of memory
            self._training[domain] = Side(pixels, self._chosen("train", domain, len(pixels)))
        return self._training[domain]

    def _ordered(self, batches: DomainBatches) -> Loader[ImageBatch]:
        most = self.eval_batch_size if isinstance(batches.side.pixels, Tensor) else self._world
        return Loader(batches, validating(len(batches), most, rank=self._rank, world=self._world), self.workers)

    def _check(self, pixels: Tensor | Ragged, domain: Domain) -> None:
        channels = pixels.shape[1] if isinstance(pixels, Tensor) else int(pixels.shapes[0, 0])
        if channels != self.channels[domain]:
            raise Mistake(
                f"data.channels_{domain}={self.channels[domain]}: this data has {channels} in domain {domain}"
            )
        if crops(self.preprocess):
            assert isinstance(pixels, Tensor) and pixels.shape[2:] == (self.image_size, self.image_size)

    def _chosen(self, split: Split, domain: Domain, size: int) -> Chosen:
        if self.subset is None or split == "test":
            return Everything(size)
        return shuffled(size, f"subset/{domain}")[: self.subset].clone()  # without the memory of all the others


class DomainReals:
    """One domain of unpaired data, satisfying :class:`~atelier.types.Reals`."""

    def __init__(self, data: UnpairedData, domain: Domain) -> None:
        self._data, self._domain = data, domain
        self.facts = {**data.facts, "channels": data.channels[domain]}
        self.eval_split = data.eval_split

    def reals(self, split: str, count: int | None = None, *, batch_size: int = 256) -> Iterator[ImageBatch]:
        """The domain's images of ``split`` in order, uint8 on the CPU, no flip; those of different sizes one by one.

        With ``count``, that many drawn without replacement, in the order of the draw, the same on every machine.
        """
        side = self._data.side(named(split), self._domain)
        most = batch_size if isinstance(side.pixels, Tensor) else 1
        return sample(DomainBatches(side), len(side.chosen), f"{split}/{self._domain}", count, most)

    def size(self, split: str) -> int:
        """How many images the domain has in ``split``."""
        return len(self._data.side(named(split), self._domain).chosen)

    def fingerprint(self, split: str) -> str:
        """16 hexadecimal digits that stand for the split's pixels, their shapes and the selection."""
        pixels, chosen = self._data.side(named(split), self._domain)
        if isinstance(pixels, Ragged):
            return fingerprint("ragged", pixels.shapes, pixels.run, rows(chosen))
        return fingerprint(f"{list(pixels.shape)} {pixels.dtype}", pixels, rows(chosen))
