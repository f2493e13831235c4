"""No augmentation."""

from __future__ import annotations

from torch import Tensor

from atelier.moment import Moment


class NoAugment:
    """Shows the critic the images as they are."""

    def __call__(self, images: Tensor, moment: Moment) -> Tensor:
        """``images`` themselves."""
        return images
