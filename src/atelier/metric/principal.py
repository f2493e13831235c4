"""Principal components: the best linear code, by which others are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.metric.code_splits import Coded, Numbers


class Principal:
    """Components of some images (Pearson 1901), at most as many as the images allow.

    levels: ``[N, D]``. width: number of components K.
    """

    def __init__(self, levels: Numbers, width: int) -> None:
        from sklearn.decomposition import PCA  # takes a second to import

        self._pca = PCA(min(width, *levels.shape), random_state=0)
        with np.errstate(invalid="ignore", divide="ignore"):  # shares of variance, where there is none
            self._pca.fit(levels)

    def encode(self, levels: Numbers) -> Numbers:
        """Coordinates ``[N, K]``."""
        return np.asarray(self._pca.transform(levels), np.float32)

    def error(self, levels: Numbers) -> float:
        """Mean squared error per pixel of what the components keep of ``levels``, which lie in [0, 1].

        What falls outside is brought back to its border, as a model's reconstructions are.
        """
        kept: NDArray[np.float64] = self._pca.inverse_transform(self._pca.transform(levels))
        residue = np.clip(kept, 0, 1) - levels
        return float(np.square(residue).mean(dtype=np.float64))


class PrincipalError:
    """mse_pca: held-out error of PCA with as many components as the code has units, on levels in [0, 1].

    No linear code keeps more of the images that it was fitted to (Baldi & Hornik 1989).
    """

    names: Mapping[str, bool | None] = {"mse_pca": False}

    def __init__(self) -> None:
        self._kept: tuple[Numbers, float] | None = None

    def __call__(self, train: Coded, test: Coded) -> dict[str, float]:
        """The figure; computed once for the same training images."""
        if self._kept is None or self._kept[0] is not train.levels:
            self._kept = (train.levels, Principal(train.levels, train.codes.shape[1]).error(test.levels))
        return {"mse_pca": self._kept[1]}

    def protocol(self) -> dict[str, Any]:
        """What is compared."""
        return {"components": "as many as the code has units", "levels": "clamped to [0, 1]"}
