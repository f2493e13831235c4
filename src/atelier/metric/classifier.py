"""Small classifiers as extractors: shipped ones for digits and MNIST, or one's own."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from atelier.expanded import expanded
from atelier.metric.classifier_file import load
from atelier.metric.extractor import Extractor
from atelier.metric.small_classifier import hollow, standardise
from atelier.types import Features, Mistake

SHIPPED = Path(__file__).parent / "weights"


class Classifier(Extractor):
    """Features and logits of a small classifier that knows one data set.

    weights: ``digits`` or ``mnist`` (shipped), or a file that ``python src/extractor.py`` made. A shipped
    one's figures bear the plain name, one's own the data set's name and the first 8 digits of the hash.
    """

    def __init__(self, weights: str) -> None:
        super().__init__()
        shipped = SHIPPED / f"{weights}.pt"
        is_shipped = shipped.parent == SHIPPED and shipped.is_file()
        known = load(shipped if is_shipped else _own(weights))
        self.identity = known.digest()
        self.name = known.data if is_shipped else f"{known.data}_{self.identity[:8]}"
        self.num_features, self.classes, self.channels, self.size = (
            known.num_features,
            known.classes,
            known.channels,
            known.size,
        )
        self.accuracy = known.accuracy
        self.resize = f"bilinear antialiased to {known.size}, {'grey' if known.channels == 1 else 'colour'}"
        self.network = hollow(known.channels, known.classes, known.num_features)
        self.network.load_state_dict(known.state, assign=True)
        # Its convolutions are narrow: with channels side by side they take three quarters of the time.
        self.requires_grad_(False).eval().to(memory_format=torch.channels_last)

    def prepare(self) -> None:
        """Nothing to fetch: the weights are here since construction."""

    def look(self, images: Tensor) -> Features:
        """Features of uint8 images of any size."""
        return Features(*self.network(standardise(images, self.channels, self.size)))


def _own(weights: str) -> Path:
    path = expanded(weights)
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.pt")))
        raise Mistake(
            f"extractor.weights={weights}: neither a shipped classifier ({names}) nor a file; "
            "`python src/extractor.py data=<name>` makes one for any labelled data"
        )
    return path
