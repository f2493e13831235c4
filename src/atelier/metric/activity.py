"""How busy the units of a code are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.metric.code_splits import Coded, Numbers
from atelier.types import Mistake


class Activity:
    """Mean activation per unit, and the shares of units that never and always fire, over held-out images.

    activation, activation_std: mean and standard deviation over the units of their mean activations.
    dead, always_on: shares of units that fire on no image, and on every image.

    share: a unit fires on an image where the size of its activation is above this share of the largest of any unit
        on any image: one rule for codes of any kind (the largest of a sigmoid code is about 1).
    """

    names: Mapping[str, bool | None] = {"activation": None, "activation_std": None, "dead": False, "always_on": False}

    def __init__(self, share: float) -> None:
        if not 0 <= share < 1:
            raise Mistake(f"callback.appraisal.examiners.activity.share={share}: a share of the largest, in [0, 1)")
        self.share = share

    def __call__(self, train: Coded, test: Coded) -> dict[str, float]:
        """The figures of the test codes."""
        means, sizes = mean_activations(test.codes), np.abs(test.codes)
        fires = sizes > self.share * sizes.max()
        return {
            "activation": float(means.mean()),
            "activation_std": float(means.std()),
            "dead": float((~fires.any(axis=0)).mean()),
            "always_on": float(fires.all(axis=0).mean()),
        }

    def protocol(self) -> dict[str, Any]:
        """The rule of firing."""
        return {"fires": f"above {self.share:g} of the largest activation"}


def mean_activations(codes: Numbers) -> NDArray[np.float64]:
    """Each unit's mean over the images, ``[K]``."""
    means: NDArray[np.float64] = codes.mean(axis=0, dtype=np.float64)
    return means
