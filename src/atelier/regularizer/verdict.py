"""What a penalty is given, and what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from torch import Tensor

from atelier.moment import Moment


class Verdict(NamedTuple):
    """Images and what the critic said of them.

    images: ``[B, C, H, W]``; on steps where the regularizer acts on verdicts, leaves that require gradients, made
        so before the critic saw them, in full precision.
    logits: ``[B]``, or ``[B, 1, h, w]`` of a critic that judges patches.
    """

    images: Tensor
    logits: Tensor


class Regularizer(Protocol):
    """Penalties that are added to the discriminator's loss.

    of_verdicts: whether they differentiate the verdicts that they are given, rather than ask for others.
    """

    of_verdicts: bool

    def acts(self, step: int) -> bool:
        """Whether there is a penalty at ``step``; on other steps it is not called."""
        ...

    def __call__(
        self, critic: Callable[[Tensor], Tensor], real: Verdict, fake: Verdict, moment: Moment
    ) -> dict[str, Tensor]:
        """Named scalars, weighted already; ``critic`` gives the logits of further images."""
        ...
