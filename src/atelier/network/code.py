"""What makes a code of an encoder's last numbers; nn.Identity (linear) and Sigmoid are others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atelier.types import Mistake


class TopK(nn.Module):
    """Keeps each image's ``k`` largest activations and sets the others to 0 (Makhzani & Frey 2014, section 2.1).

    k: units that may be active at once; a code of k units or fewer passes as it is.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        if k < 1:
            raise Mistake(f"code.k={k}: at least one unit of a code is active")
        self.k = k

    def forward(self, activations: Tensor) -> Tensor:
        """Codes ``[B, K]`` of activations ``[B, K]``; the gradient reaches the kept ones alone."""
        if self.k >= activations.shape[1]:
            return activations
        kept = activations.topk(self.k, dim=1).indices
        return activations * torch.zeros_like(activations).scatter_(1, kept, 1.0)
