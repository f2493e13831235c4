"""The Wasserstein game."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


class Wasserstein:
    """WGAN (Arjovsky et al. 2017, eq. 2): the critic's mean gap of reals and fakes estimates their distance.

    It means something for Lipschitz critics alone: use it with regularizer=gradient_penalty or spectral
    normalisation.

    equilibrium: the distance of equal distributions.
    boundary: none; a critic's values have no zero.
    """

    equilibrium: float | None = 0.0
    boundary: float | None = None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E fake − E real of values ``[B]``."""
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """−E fake."""
        return -fake.mean()
