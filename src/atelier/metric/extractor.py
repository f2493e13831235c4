"""What turns images into features: frozen, in float32, never part of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor, nn

from atelier.pixels import as_bytes
from atelier.types import Features


class Extractor(nn.Module, ABC):
    """A frozen network that describes images by ``num_features`` numbers.

    name: stands in the names of its figures (see :func:`atelier.metric.score.score_name`).
    num_features: width d of the features.
    identity: hash of the weights; figures are the same metric only where it is equal.
    resize: how images reach the size that the network sees, in words, for the protocol.
    classes: width K of the logits, or None where there are none.
    """

    name: str
    num_features: int
    identity: str
    resize: str
    classes: int | None

    @abstractmethod
    def prepare(self) -> None:
        """Have the weights ready, fetching them if need be; called once before training starts.

        Raises :class:`atelier.types.Mistake` with what to do if they cannot be had.
        """

    @abstractmethod
    def look(self, images: Tensor) -> Features:
        """Features of ``images`` ``[B, C, H, W]``; :meth:`forward` has seen to their form, gradients and precision."""

    def bring(self, images: Tensor) -> Tensor:
        """``images``, uint8 or floats in [-1, 1], as :meth:`look` takes them: bytes, the form of stored pictures."""
        return as_bytes(images)

    def forward(self, images: Tensor) -> Features:
        """Features ``[B, d]``, logits ``[B, K]`` of ``images`` ``[B, C, H, W]``: float32, without gradients.

        images: uint8, or floats in [-1, 1].

        Autocast is left, since half precision shows in the third digit of a Fréchet distance.
        """
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            return self.look(self.bring(images))

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, also when a module that holds it starts to train."""
        return super().train(False)


def extract(extractor: Extractor, batches: Iterable[Tensor], device: torch.device | str) -> Features:
    """Features of all ``batches`` of images in order, computed and kept on ``device``."""
    extractor.to(device)
    seen = [extractor(images.to(device)) for images in batches]
    assert seen, "no images to extract features from"
    logits = [view.logits for view in seen if view.logits is not None]
    return Features(torch.cat([view.features for view in seen]), torch.cat(logits) if logits else None)
