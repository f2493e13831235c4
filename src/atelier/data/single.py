"""What all data modules of single images share: from a split to batches on the device."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from atelier.data.batches import BatchSet, Loader, fitting, validating
from atelier.data.distributed import DistributedData
from atelier.data.selection import named, sample
from atelier.data.source import Split, check_loading
from atelier.moment import Moment
from atelier.pixels import as_unit
from atelier.types import ImageBatch


class SingleData(DistributedData):
    """Batches of single images, wherever they come from; the options are those of ``ImageData``."""

    def __init__(
        self,
        *,
        batch_size: int,
        eval_batch_size: int,
        seed: int,
        workers: int,
        flip: bool,
        subset: int | None,
        eval_split: Split,
    ) -> None:
        super().__init__()
        check_loading(
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            workers=workers,
            subset=subset,
            eval_split=eval_split,
        )
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.seed, self.workers, self.flip = seed, workers, flip
        self.subset, self.eval_split = subset, eval_split

    @abstractmethod
    def split(self, split: Split) -> BatchSet:
        """The images of ``split``; found or loaded when first asked for."""

    def setup(self, stage: str | None = None) -> None:
        """Settle the batch size for this many devices and images."""
        if stage in (None, "fit"):
            self.batch_size = fitting(self.batch_size, len(self.split("train")), self._world)

    def val_dataloader(self) -> Loader[ImageBatch]:
        """Every image of ``eval_split`` once, in order, spread over the ranks."""
        batches = self.split(self.eval_split)
        order = validating(len(batches), self.eval_batch_size, rank=self._rank, world=self._world)
        return Loader(batches, order, self.workers)

    def on_after_batch_transfer(self, batch: ImageBatch, dataloader_idx: int) -> ImageBatch:
        """On the device: flip (training only), and scale to [-1, 1] what is not floats already."""
        images = batch.images
        if self.flip and self.trainer is not None and self.trainer.training:
            images = self._flipped(images, batch.step, batch.epoch)
        return batch._replace(images=as_unit(images))

    def reals(self, split: str, count: int | None = None, *, batch_size: int = 256) -> Iterator[ImageBatch]:
        """Real images of ``split`` in order, uint8 on the CPU, no flip.

        With ``count``, that many drawn without replacement, in the order of the draw (so a smaller count is
        the beginning of a larger one), the same on every machine.
        """
        batches = self.split(named(split))
        return sample(batches, len(batches), split, count, batch_size)

    def size(self, split: str) -> int:
        """How many images ``split`` has."""
        return len(self.split(named(split)))

    def _flipped(self, images: Tensor, step: int, epoch: float) -> Tensor:
        moment = Moment(self.seed, step, epoch, self._rank, self._world, images.device).within("data")
        mirrored = moment.uniform("flip", len(images)) < 0.5
        return torch.where(mirrored[:, None, None, None], images.flip(-1), images)
