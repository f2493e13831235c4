"""The words that all floors share: batches, scores' inputs, and what a model can be asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:  # the command line reads this module before it can afford to load torch
    import torch
    from torch import Tensor


Domain = Literal["a", "b"]
"""One of the two collections of unpaired data: the folders trainA and testA, or trainB and testB."""

Direction = Literal["a_to_b", "b_to_a"]
"""Which way images are translated."""


class Mistake(ValueError):
    """Something the user can put right; its text is all that they see (exit status 2, no traceback)."""


class Diverged(RuntimeError):
    """Training left the finite numbers; its text says when, and which checkpoint is still good."""


class Vanished(RuntimeError):
    """The folder of a run is gone while it trains; its text is all that there is to say (exit status 1)."""


class ImageBatch(NamedTuple):
    """Images of one domain.

    images: ``[B, C, H, W]``, uint8 from the loader, float32 in [-1, 1] once on the device.
    indices: ``[B]`` int64, each image's position in its split.
    labels: ``[B]`` int64 class numbers, or None where the data has none.
    step: batches of the run (training) or of the pass (validation) before this one.
    epoch: position in epochs, with its fraction (2.5 = half way through the third).
    """

    images: Tensor
    indices: Tensor
    labels: Tensor | None
    step: int
    epoch: float

    @property
    def size(self) -> int:
        """Images that the step counts."""
        return len(self.images)

    @property
    def device(self) -> torch.device:
        """Where the images lie."""
        return self.images.device

    def to(self, device: torch.device) -> ImageBatch:
        """The batch with all its tensors on ``device``; Lightning asks for this."""
        return _moved(self, device)


class UnpairedBatch(NamedTuple):
    """Images of two domains that have nothing to do with each other.

    a, b: ``[B, C, H, W]``, uint8 from the loader, float32 in [-1, 1] once on the device.
    indices_a, indices_b: ``[B]`` int64, each image's position in its domain's split.
    step, epoch: as in :class:`ImageBatch`.
    """

    a: Tensor
    b: Tensor
    indices_a: Tensor
    indices_b: Tensor
    step: int
    epoch: float

    @property
    def size(self) -> int:
        """Images that the step counts: the pairs, as the public implementation's epochs do."""
        return len(self.a)

    @property
    def device(self) -> torch.device:
        """Where the images lie."""
        return self.a.device

    def to(self, device: torch.device) -> UnpairedBatch:
        """The batch with all its tensors on ``device``; Lightning asks for this."""
        return _moved(self, device)


_Batch = TypeVar("_Batch", ImageBatch, UnpairedBatch)


def _moved(batch: _Batch, device: torch.device) -> _Batch:
    """The batch on ``device``; what comes from pinned memory is not waited for."""
    if batch.device == device:
        return batch
    alongside = device.type == "cuda"
    tensors = {name: value for name, value in batch._asdict().items() if hasattr(value, "to")}
    return batch._replace(**{name: value.to(device, non_blocking=alongside) for name, value in tensors.items()})


class Judged(NamedTuple):
    """What a validation step hands to the scoreboard: one fake per real, both float ``[B, C, H, W]`` in [-1, 1]."""

    real: Tensor
    fake: Tensor
    indices: Tensor


class Translated(NamedTuple):
    """What a translator's validation step hands on: images of one domain, all float ``[B, C, H, W]`` in [-1, 1].

    direction: "a_to_b" where ``real`` is of domain a.
    real: the source.
    fake: its translation into the other domain.
    cycle: the translation translated back.
    identity: ``real`` through the generator that makes images of its own domain, which should leave it alone; None
        where the domains differ in channels.
    indices: ``[B]`` int64, each source's position in its split.
    """

    direction: Direction
    real: Tensor
    fake: Tensor
    cycle: Tensor
    identity: Tensor | None
    indices: Tensor


class Features(NamedTuple):
    """An extractor's view of N images: features ``[N, d]`` and, where it classifies, logits ``[N, K]``."""

    features: Tensor
    logits: Tensor | None


class Book(Protocol):
    """Scalars that a model has gathered since it was last read (see :class:`atelier.game.ledger.Ledger`)."""

    def close(self) -> dict[str, float]:
        """The means by name; empties the book, at the price of one synchronisation with the device."""
        ...

    def state_dict(self) -> dict[str, tuple[Tensor, float]]:
        """Every name's sum so far, a scalar, and the weight of the observations in it."""
        ...

    def load_state_dict(self, state: Mapping[str, tuple[Tensor, float]]) -> None:
        """Go on from stored sums."""
        ...


@runtime_checkable
class Bookkeeper(Protocol):
    """A model that writes down what its training steps came to."""

    ledger: Book


def averages(model: object) -> bool:
    """Whether ``model`` keeps a moving average of its weights, which stands in wherever it is asked for images.

    Not a protocol: from Python 3.12 on isinstance looks past ``__getattr__``, by which a module has its parts.
    """
    return getattr(model, "average", None) is not None


@runtime_checkable
class Compilable(Protocol):
    """A model whose networks can be compiled before it trains."""

    def compile_networks(self, **options: Any) -> None:
        """Compile what a training step calls; the names of weights stay, and what is asked for images is not compiled.

        options: as for :func:`torch.compile`.
        """
        ...


@runtime_checkable
class Sampler(Protocol):
    """A model that makes images from nothing but chance."""

    def sample(self, count: int, *, seed: int, start: int = 0, labels: Tensor | None = None) -> Tensor:
        """Fakes number ``start`` to ``start + count`` of the endless row that ``seed`` names.

        Returns ``[count, C, H, W]`` in [-1, 1]; image i does not depend on how the row is cut into calls.
        """
        ...

    def interpolate(self, rows: int, steps: int, *, seed: int) -> Tensor:
        """Walks between pairs of latents, ``[rows * steps, C, H, W]`` in [-1, 1], row after row."""
        ...


@runtime_checkable
class Translator(Protocol):
    """A model that takes images from one domain to another."""

    def translate(self, images: Tensor, direction: Direction) -> Tensor:
        """Images ``[B, C, H, W]`` in [-1, 1] of the first domain as images of the second, of the same height and width.

        The number of channels is the second domain's.
        """
        ...


@runtime_checkable
class Encoder(Protocol):
    """A model that describes images by codes."""

    def encode(self, images: Tensor) -> Tensor:
        """Codes ``[B, K]`` of images ``[B, C, H, W]`` in [-1, 1]."""
        ...


@runtime_checkable
class Reconstructor(Protocol):
    """A model that makes images anew from their codes."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """The images ``[B, C, H, W]`` in [-1, 1] as the model's code keeps them."""
        ...

    def between(self, first: Tensor, second: Tensor, steps: int) -> Tensor:
        """Walks from ``first`` to ``second`` ``[B, C, H, W]`` through code space: ``[B * steps, C, H, W]``."""
        ...


@runtime_checkable
class Filtered(Protocol):
    """A model whose outermost weights can be looked at."""

    def filters(self) -> Mapping[str, Tensor]:
        """Weights next to the pixels as images ``[n, C, h, w]`` around 0, by name."""
        ...


@runtime_checkable
class Game(Protocol):
    """A model of two players: what the report may draw beside the curves."""

    @property
    def equilibrium(self) -> float | None:
        """V(D, G) where neither player can gain (−log 4 for the logistic game), or None."""
        ...


class Reals(Protocol):
    """A data module that can be asked for real images outside the loops (floors, cached statistics)."""

    facts: Mapping[str, Any]
    eval_split: Any  # "train" or "test": the split that validation loops over

    def reals(self, split: str, count: int | None = None, *, batch_size: int = 256) -> Iterator[ImageBatch]:
        """Real images of ``split`` ("train" or "test") in order, uint8 on the CPU, no flip.

        With ``count``, that many drawn without replacement by a fixed seed (the same on every machine).
        """
        ...

    def size(self, split: str) -> int:
        """How many images ``split`` has, without gathering them."""
        ...

    def fingerprint(self, split: str) -> str:
        """A short hash of the split's content, size and selection: the key of cached statistics."""
        ...


@runtime_checkable
class Domains(Protocol):
    """A data module of two unpaired domains, each of which can be asked for its reals."""

    facts: Mapping[str, Any]
    eval_split: Any

    def domain(self, domain: Domain) -> Reals:
        """One domain as a collection of its own."""
        ...

    def truth(self, split: str, domain: Domain) -> Tensor | None:
        """The true partner of every image of ``split``, in order, uint8 ``[N, C, H, W]``; None where nobody knows."""
        ...
