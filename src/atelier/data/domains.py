"""What every pair of unpaired collections can do, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from atelier.data.ragged import Ragged
from atelier.data.source import Split
from atelier.types import Domain


class DomainImages(Protocol):
    """All images of one domain and split; :class:`~atelier.data.source.Images` is one of this kind.

    pixels: ``[N, C, H, W]`` uint8, or as many images of sizes of their own.
    names: each image's name, or None.
    """

    @property
    def pixels(self) -> Tensor | Ragged: ...

    @property
    def names(self) -> Sequence[str] | None: ...


class DomainSource(Protocol):
    """Two collections of images, a and b, each in two splits. Constructing it touches neither disk nor network."""

    def prepare(self) -> None:
        """Download and build caches, once on this machine; several processes may call it at the same time.

        Raises Mistake where the user has to do something (a folder is missing, a download fails).
        """
        ...

    def load(self, split: Split, domain: Domain) -> DomainImages:
        """After :meth:`prepare`: one domain's images of ``split`` as they are evaluated, the same on every machine."""
        ...

    def training(self, domain: Domain) -> DomainImages:
        """The images of ``load("train", domain)``, in the same order, as training cuts its crops from them.

        They are larger where training crops, and the very same where it does not.
        """
        ...

    def truth(self, split: Split, domain: Domain) -> Tensor | None:
        """The true partner of each image of ``load``, uint8 ``[N, C, H, W]``; None where nobody knows."""
        ...
