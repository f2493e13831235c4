"""Which images stand in which batch, and the batches themselves."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from atelier.counted import counted
from atelier.data.chosen import Chosen
from atelier.data.shuffle import Order
from atelier.data.source import Images
from atelier.data.worker_signals import heed_the_loader_alone
from atelier.types import ImageBatch, Mistake, UnpairedBatch

log = logging.getLogger(__name__)

B = TypeVar("B", bound=ImageBatch | UnpairedBatch)


class Draw(NamedTuple):
    """The key of one batch: where it stands (see ImageBatch) and this rank's positions in the split, ``[B]``.

    The positions are NumPy's because they travel to worker processes: pickled, they need no shared memory.
    """

    step: int
    epoch: float
    indices: NDArray[np.int64]


def fitting(batch_size: int, size: int, world: int) -> int:
    """The global batch size, made smaller (with a warning) where the split has fewer images.

    Raises Mistake where ``world`` devices cannot share the batch.
    """
    if batch_size % world:
        raise Mistake(f"data.batch_size={batch_size}: must divide by the {world} devices that share the batch")
    if size < world:
        raise Mistake(f"{size} training images cannot be shared by {world} devices: use fewer with trainer.devices")
    if batch_size <= size:
        return batch_size
    most = size // world * world
    there = counted(size, "training image")
    log.warning("data.batch_size=%d is more than %s: using %s", batch_size, there, f"{most:,}")
    return most


def validating(size: int, batch_size: int, *, rank: int, world: int) -> OrderedBatches:
    """The order in which ``world`` ranks go through ``size`` images together.

    Raises Mistake where there is not one for every rank: who has seen none has nothing to add to a score.
    """
    if size < world:
        raise Mistake(f"{counted(size, 'image')} to validate on cannot be shared by {world} devices: use fewer")
    return OrderedBatches(size, batch_size, rank=rank, world=world)


class TrainingBatches(Sampler[Draw]):
    """Training order: every epoch's order is cut into global batches; what is left over is dropped.

    The order is a function of the epoch and ``step`` counts on through the epochs, so nothing has to be remembered to
    continue a run. Each rank gets its slice of the global batch, as in :class:`~atelier.moment.Moment`.

    order: epoch -> positions in the split, ``size`` of them.
    size: images in the split.
    batch_size: of the global batch, a multiple of ``world`` and at most ``size``.
    start: the step at which a run goes on: what lies before it is left out without being loaded.
    """

    def __init__(
        self, order: Callable[[int], Order], size: int, batch_size: int, *, rank: int = 0, world: int = 1
    ) -> None:
        assert batch_size % world == 0, (batch_size, world)
        assert 0 < batch_size <= size, (batch_size, size)
        self.order, self.size, self.batch_size, self.rank, self.world = order, size, batch_size, rank, world
        self.epoch, self.start = 0, 0

    def set_epoch(self, epoch: int) -> None:
        """Go to ``epoch``; Lightning calls it before each one."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size // self.batch_size

    def __iter__(self) -> Iterator[Draw]:
        order, mine = self.order(self.epoch), self.batch_size // self.world
        for batch in range(max(0, self.start - self.epoch * len(self)), len(self)):
            first = batch * self.batch_size + self.rank * mine
            step, epoch = self.epoch * len(self) + batch, self.epoch + batch / len(self)
            yield Draw(step, epoch, order[first : first + mine])


class OrderedBatches(Sampler[Draw]):
    """Evaluation order: every image exactly once over all ranks, none twice, in as few global batches as fit.

    The split is cut into pieces whose sizes differ by one at most: full batches and one small one would leave
    a rank without work, or with the last images of another rank again.

    batch_size: the largest global batch; a piece holds at most ⌈batch_size / world⌉ images.
    """

    def __init__(self, size: int, batch_size: int, *, rank: int = 0, world: int = 1) -> None:
        pieces = -(-size // batch_size) * world
        self._least, self._larger = divmod(size, pieces)  # images of a piece, and how many have one more
        self._mine = range(rank, pieces if self._least else self._larger, world)

    def __len__(self) -> int:
        return len(self._mine)

    def __iter__(self) -> Iterator[Draw]:
        for step, piece in enumerate(self._mine):
            yield Draw(step, step / len(self), np.arange(self._first(piece), self._first(piece + 1)))

    def _first(self, piece: int) -> int:
        return piece * self._least + min(piece, self._larger)


class BatchSet(Dataset[ImageBatch], ABC):
    """Images of one split that are asked for in whole batches, by a :class:`Draw`."""

    @abstractmethod
    def __len__(self) -> int:
        """Images, not batches."""


class Batches(BatchSet):
    """A split that is asked for whole batches: one ``index_select`` instead of a Python loop over images.

    chosen: the positions in ``images`` that make up the split; position i of a draw means ``chosen[i]``.
    """

    def __init__(self, images: Images, chosen: Chosen) -> None:
        self.images, self.chosen = images, chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, draw: Draw) -> ImageBatch:
        indices = torch.from_numpy(draw.indices)
        rows = self.chosen[indices]
        labels = None if self.images.labels is None else self.images.labels[rows]
        return ImageBatch(self.images.pixels.index_select(0, rows), indices, labels, draw.step, draw.epoch)


@runtime_checkable
class Continued(Protocol):
    """An order of batches that can be entered at any step."""

    start: int


class Loader(DataLoader[B]):
    """A loader of ready batches, whose epoch begins when the first batch is asked for.

    Its state is the step of the batch that comes next, counted by the batches that were handed out: what workers
    have fetched ahead of training does not count.

    torch's own loader asks the sampler as soon as it is iterated over when it has workers, and after a resume
    Lightning iterates before it has called ``set_epoch``. And it draws a number from the global generator
    unless it is given one, so that a validation would move the training's chance.
    """

    def __init__(self, batches: Dataset[B], sampler: Sampler[Draw], workers: int) -> None:
        super().__init__(
            batches,
            batch_size=None,
            sampler=sampler,
            collate_fn=_ready,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=heed_the_loader_alone,
            generator=torch.Generator().manual_seed(0),
        )

        self._next = 0

    def __iter__(self) -> Iterator[B]:  # type: ignore[override]  # the base promises its private iterator
        # Without workers and pinned memory torch's loader only keeps books, for longer than a small batch takes.
        alone = self.num_workers == 0 and not self.pin_memory
        for batch in map(self.dataset.__getitem__, self.sampler) if alone else super().__iter__():
            self._next = batch.step + 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """The step of the next batch, batches and images of an epoch; Lightning puts it into checkpoints."""
        images = self.sampler.size if isinstance(self.sampler, TrainingBatches) else 0
        return {"step": self._next, "batches": len(self), "images": images}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on at a stored step."""
        assert isinstance(self.sampler, Continued), "only training is continued"
        self._next = self.sampler.start = state["step"]


def _ready(batch: Any) -> Any:
    return batch
