"""What a code is examined by: two splits of images, each with its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]
Labels = NDArray[np.int64]


class Coded(NamedTuple):
    """N images of one split, on the CPU.

    levels: ``[N, D]`` in [0, 1], the images as they are.
    codes: ``[N, K]``.
    labels: ``[N]`` class numbers, or None where the data has none.
    """

    levels: Numbers
    codes: Numbers
    labels: Labels | None


class Examiner(Protocol):
    """Figures that say what a code is worth. Labels are looked at here, never in training."""

    @property
    def names(self) -> Mapping[str, bool | None]:
        """The figures' short names, each with whether a higher value is better (None: neither is)."""
        ...

    def __call__(self, train: Coded, test: Coded) -> dict[str, float]:
        """The figures by short name; empty where the data does not allow them (no labels, a single class)."""
        ...

    def protocol(self) -> dict[str, Any]:
        """What must be equal before two of the figures may be compared, besides the images."""
        ...
