"""Features of a validation pass, gathered over ranks and put in order."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from atelier.types import Features


class FeatureBank(Metric):
    """Collects features by sample index: the same rows for any batch size, order and number of ranks.

    Nothing of it goes into a checkpoint.
    """

    full_state_update = False
    indices: list[Tensor]
    features: list[Tensor]
    logits: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for state in ("indices", "features", "logits"):
            self.add_state(state, default=[], dist_reduce_fx="cat", persistent=False)

    def update(self, indices: Tensor, features: Features) -> None:
        """Add B rows: ``indices`` ``[B]`` int64, each sample's position in its split."""
        self.indices.append(indices.to(features.features.device))
        self.features.append(features.features.float())
        if features.logits is not None:
            self.logits.append(features.logits.float())

    def compute(self) -> Features:
        """The rows by ascending index; of equal indices (a sampler's padding) the first added is kept."""
        indices = dim_zero_cat(self.indices)
        order = torch.argsort(indices, stable=True)
        ranked = indices[order]
        first = torch.ones_like(ranked, dtype=torch.bool)
        first[1:] = ranked[1:] != ranked[:-1]
        rows = order[first]
        logits = dim_zero_cat(self.logits)[rows] if len(self.logits) else None
        return Features(dim_zero_cat(self.features)[rows], logits)
