"""The hinge game of SNGAN and BigGAN."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F


class Hinge:
    """D pushes reals above 1 and fakes below −1 and no further (Miyato et al. 2018, eqs. 16 and 17).

    equilibrium: −loss of the best D where p_G = p_data: any constant in [−1, 1] has the loss 2.
    boundary: logit above which D says "real".
    """

    equilibrium: float | None = -2.0
    boundary: float | None = 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E max(0, 1 − real) + E max(0, 1 + fake) of logits ``[B]``."""
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """−E fake."""
        return -fake.mean()
