"""No extractor, where nothing but distances is wanted."""

from __future__ import annotations

from torch import Tensor

from atelier.metric.extractor import Extractor
from atelier.types import Features


class NoExtractor(Extractor):
    """Sees nothing in any image: 0 features, by which nothing can be scored."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.identity, self.resize = "none", "none", "none"
        self.num_features, self.classes = 0, None

    def prepare(self) -> None:
        """Nothing to fetch."""

    def look(self, images: Tensor) -> Features:
        """Features ``[B, 0]``."""
        return Features(images.new_zeros(len(images), 0).float(), None)
