"""Points of the plane as their own features."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from atelier.metric.extractor import Extractor
from atelier.types import Features


class Points(Extractor):
    """The identity, for data whose "images" are points: float ``[B, 2, 1, 1]``."""

    wants: Literal["uint8", "float"] = "float"

    def __init__(self) -> None:
        super().__init__()
        self.name, self.identity, self.resize = "points", "identity", "none"
        self.num_features, self.classes = 2, None

    def prepare(self) -> None:
        """Nothing to fetch."""

    def look(self, images: Tensor) -> Features:
        """The points ``[B, 2]``."""
        return Features(images.flatten(1).float(), None)
