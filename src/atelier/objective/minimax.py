"""The game as Goodfellow et al. 2014 wrote it down."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F


class Minimax:
    """min_G max_D V(D, G) = E log D(x) + E log(1 − D(G(z))) (Goodfellow et al. 2014, eq. 1).

    With logits l, D = sigmoid(l), so log D = −softplus(−l) and log(1 − D) = −softplus(l): no rounding to log
    0.

    equilibrium: V where p_G = p_data and D = 1/2 (theorem 1).
    boundary: logit above which D says "real".
    """

    equilibrium: float | None = -math.log(4.0)
    boundary: float | None = 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """−V of logits ``[B]``: E softplus(−real) + E softplus(fake)."""
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """E log(1 − D(G(z))), literally: it goes flat where D is sure of itself."""
        return -F.softplus(fake).mean()
