"""What every collection of images can do, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from torch import Tensor

from atelier.types import Mistake

Split = Literal["train", "test"]


class Images(NamedTuple):
    """All images of one split.

    pixels: ``[N, C, H, W]``, uint8 (in memory or memory-mapped), or floats already in [-1, 1] for data that
        are no pictures.
    labels: ``[N]`` int64 class numbers, or None.
    names: each image's name (a path below the root), or None.
    classes: the name of each class number, or None.
    """

    pixels: Tensor
    labels: Tensor | None = None
    names: Sequence[str] | None = None
    classes: Sequence[str] | None = None


class Source(Protocol):
    """A collection of images in two splits. Constructing it touches neither disk nor network."""

    def prepare(self) -> None:
        """Download and build caches, once on this machine; several processes may call it at the same time.

        Raises Mistake where the user has to do something (a folder is missing, a download fails).
        """
        ...

    def load(self, split: Split) -> Images:
        """After :meth:`prepare`: the images of ``split``, the same in the same order on every machine."""
        ...


def check_loading(
    *, batch_size: int, eval_batch_size: int, workers: int, subset: int | None, eval_split: Split
) -> None:
    """Refuse what no data module can load by."""
    for name, value, least in (
        ("batch_size", batch_size, 1),
        ("eval_batch_size", eval_batch_size, 1),
        ("workers", workers, 0),
        ("subset", subset, 1),
    ):
        if value is not None and value < least:
            raise Mistake(f"data.{name}={value}: must be {least} or more")
    if eval_split not in ("train", "test"):
        raise Mistake(f"data.eval_split={eval_split}: must be train or test")


def check_shape(image_size: int, channels: int) -> None:
    """Refuse what no picture can be resized to."""
    if image_size < 1:
        raise Mistake(f"data.image_size={image_size}: must be a number of pixels, 1 or more")
    if channels not in (1, 3):
        raise Mistake(f"data.channels={channels}: must be 1 (grey) or 3 (colour)")
