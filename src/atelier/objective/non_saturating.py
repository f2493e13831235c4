"""The game as Goodfellow et al. 2014 played it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from atelier.objective.minimax import Minimax


class NonSaturating:
    """D plays the minimax game; G ascends log D(G(z)), whose gradient is strong where D is sure (section 3).

    equilibrium, boundary: those of the minimax game, which has the same fixed point.
    """

    equilibrium: float | None = Minimax.equilibrium
    boundary: float | None = Minimax.boundary

    def __init__(self) -> None:
        self._minimax = Minimax()

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """−V of logits ``[B]``, as in the minimax game."""
        return self._minimax.discriminator(real, fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """−E log D(G(z)) = E softplus(−fake)."""
        return F.softplus(-fake).mean()
