"""Points of the plane, or images of few pixels, as their own features."""

from __future__ import annotations

from torch import Tensor

from atelier.metric.extractor import Extractor
from atelier.pixels import as_unit
from atelier.types import Features, Mistake


class Points(Extractor):
    """The identity, for data whose "images" are points: float ``[B, 2, 1, 1]``, or small enough to compare so.

    name: stands in the figures' names.
    numbers: how many an image has: channels x height x width.
    """

    def __init__(self, name: str = "points", numbers: int = 2) -> None:
        super().__init__()
        self.name, self.identity, self.resize = name, "identity", "none"
        self.num_features, self.classes = numbers, None

    def prepare(self) -> None:
        """Nothing to fetch."""

    def bring(self, images: Tensor) -> Tensor:
        """Floats, as the model makes them: points have more than 256 places."""
        return as_unit(images)

    def look(self, images: Tensor) -> Features:
        """The images' numbers ``[B, numbers]``."""
        features = images.flatten(1).float()
        if features.shape[1] != self.num_features:
            numbers = features.shape[1]
            raise Mistake(
                f"extractor.numbers={self.num_features}: these images have {numbers} numbers; "
                f"add extractor.numbers={numbers}"
            )
        return Features(features, None)
