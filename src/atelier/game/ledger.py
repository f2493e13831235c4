"""What the players' steps came to, kept on the device until somebody wants to read it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Ledger:
    """Means of scalars since the last :meth:`close`, without one host synchronisation in between.

    A term that acts only now and then (a lazy penalty) is averaged over the steps where it acted.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, float] = {}

    def enter(self, terms: Mapping[str, Tensor], weight: float = 1.0) -> None:
        """Add one observation of each named scalar; ``weight`` is its share, where it is of a part of a batch."""
        for name, value in terms.items():
            seen = value.detach() if weight == 1.0 else value.detach() * weight
            self._sums[name] = self._sums[name] + seen if name in self._sums else seen.clone()
            self._counts[name] = self._counts.get(name, 0.0) + weight

    def state_dict(self) -> dict[str, tuple[Tensor, float]]:
        """Every name's sum, a scalar, and the weight of the observations in it."""
        return {name: (total, self._counts[name]) for name, total in self._sums.items()}

    def load_state_dict(self, state: Mapping[str, tuple[Tensor, float]]) -> None:
        """Go on from stored sums."""
        self._sums = {name: total for name, (total, _) in state.items()}
        self._counts = {name: count for name, (_, count) in state.items()}

    def close(self) -> dict[str, float]:
        """The means so far, read in one transfer; the ledger is empty afterwards."""
        if not self._sums:
            return {}
        means = torch.stack([total.float() / self._counts[name] for name, total in self._sums.items()]).tolist()
        named = dict(zip(self._sums, means, strict=True))
        self._sums.clear()
        self._counts.clear()
        return named
