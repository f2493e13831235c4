"""Points of the plane, or images of few pixels, as their own features."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from atelier.metric.extractor import Extractor
from atelier.types import Features, Mistake


class Points(Extractor):
    """The identity, for data whose "images" are points: float ``[B, 2, 1, 1]``, or small enough to compare so.

    name: stands in the figures' names.
    numbers: how many an image has: channels x height x width.
    """

    wants: Literal["uint8", "float"] = "float"

    def __init__(self, name: str = "points", numbers: int = 2) -> None:
        super().__init__()
        self.name, self.identity, self.resize = name, "identity", "none"
        self.num_features, self.classes = numbers, None

    def prepare(self) -> None:
        """Nothing to fetch."""

    def look(self, images: Tensor) -> Features:
        """The images' numbers ``[B, numbers]``."""
        features = images.flatten(1).float()
        if features.shape[1] != self.num_features:
            raise Mistake(f"extractor.numbers={self.num_features}: these images have {features.shape[1]} numbers")
        return Features(features, None)
