"""The relativistic pairing game of R3GAN."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F


class Relativistic:
    """RpGAN: is this real more real than this fake? (Jolicoeur-Martineau 2019; Huang et al. 2024, eq. 2).

    Both players look at D(x) − D(G(z)) of pairs, so that every fake is judged beside a real and modes cannot
    be left out without cost. With f(t) = −log(1 + exp(−t)).

    equilibrium: −loss where p_G = p_data: the best D is constant, softplus(0) = log 2.
    boundary: none; only differences of logits mean something.
    """

    equilibrium: float | None = -math.log(2.0)
    boundary: float | None = None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E softplus(−(real − fake)) of logits ``[B]``, paired by their place in the batch."""
        return F.softplus(fake - real).mean()

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """E softplus(−(fake − real)), the mirror of D's loss."""
        return F.softplus(real() - fake).mean()
