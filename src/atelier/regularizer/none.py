"""No penalty."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from atelier.moment import Moment
from atelier.regularizer.verdict import Verdict


class NoRegularizer:
    """Leaves the discriminator's loss as it is."""

    of_verdicts = False

    def acts(self, step: int) -> bool:
        """Never."""
        return False

    def __call__(
        self, critic: Callable[[Tensor], Tensor], real: Verdict, fake: Verdict, moment: Moment
    ) -> dict[str, Tensor]:
        """No terms."""
        return {}
