"""The real handwritten digits that scikit-learn carries: a data set that is always there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from atelier.data.resize import fit
from atelier.data.source import Images, Split, check_shape

# Every fifth image of each digit is held out.
_FIFTH = 5


class Digits:
    """1,797 digits of 8 x 8 pixels and 17 grey levels (Alpaydin & Kaynak 1998), resized smoothly.

    The split is a rule, not a draw: of each digit's images, in their order, every fifth is for testing (1,442
    and 355).

    image_size: side of the images in pixels.
    channels: 1, or 3 for three equal ones.
    """

    def __init__(self, image_size: int, channels: int) -> None:
        check_shape(image_size, channels)
        self.image_size, self.channels = image_size, channels

    def prepare(self) -> None:
        """Nothing to do: the images came with scikit-learn."""

    def load(self, split: Split) -> Images:
        """The images of ``split``, their digits, and as names their positions in the whole set."""
        levels, labels = _all()
        one_hot = torch.nn.functional.one_hot(labels)
        # How many of the same digit came before.
        nth = one_hot.cumsum(dim=0).gather(1, labels[:, None]).squeeze(1) - 1
        held_out = nth % _FIFTH == _FIFTH - 1
        chosen = (held_out if split == "test" else ~held_out).nonzero().squeeze(1)
        return Images(
            pixels=fit(levels[chosen] * (255.0 / 16.0), self.image_size, self.channels),
            labels=labels[chosen],
            names=[f"{index:04d}" for index in chosen.tolist()],
            classes=[str(digit) for digit in range(10)],
        )


def _all() -> tuple[Tensor, Tensor]:
    """Levels 0 to 16, ``[1797, 1, 8, 8]``, and digits, ``[1797]``: those of ``sklearn.datasets.load_digits``.

    Read from scikit-learn's file without scikit-learn, which takes most of a second to import.
    """
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None and spec.origin is not None
    rows = torch.from_numpy(np.loadtxt(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=","))
    return rows[:, :-1].float().view(-1, 1, 8, 8), rows[:, -1].long()
