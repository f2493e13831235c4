"""The generator's moving average: what people use and what is scored."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn

from atelier.types import Mistake


class Average(nn.Module):
    """Exponential moving average of a network's parameters (Yazıcı et al. 2019), with a warm-up.

    θ̄ ← β_t θ̄ + (1 − β_t) θ with β_t = min(β, (1 + t) / (warm_up + t)) after t updates: the average forgets
    its random start at once and becomes slow later. Buffers are copied: integer counters and singular vectors
    have no mean.

    network: what is averaged; a copy is taken.
    decay: β in [0, 1), or a schedule of it over epochs.
    warm_up: the larger, the longer β_t stays small.
    """

    def __init__(self, network: nn.Module, decay: float | Callable[[float], float], warm_up: int = 10) -> None:
        super().__init__()
        if not callable(decay) and not 0 <= decay < 1:
            raise Mistake(f"model.ema.decay={decay}: a decay lies in [0, 1); 0.999 averages over about 1,000 steps")
        if warm_up < 1:
            raise Mistake(f"model.ema.warm_up={warm_up}: at least 1 (no warm-up)")
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay, self.warm_up = decay, warm_up
        self.updates: torch.Tensor
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        # Counted on the host as well: reading the buffer in every step would wait for the device.
        self._count: int | None = None

    def train(self, mode: bool = True) -> Average:
        """Stay in evaluation mode: an average does not learn."""
        return super().train(False)

    @torch.no_grad()
    def update(self, network: nn.Module, epoch: float) -> None:
        """Move the average one step towards ``network``."""
        count = int(self.updates) if self._count is None else self._count
        decay = self.decay(epoch) if callable(self.decay) else self.decay
        share = 1 - min(decay, (1 + count) / (self.warm_up + count))
        averaged: list[torch.Tensor] = list(self.network.parameters())
        current: list[torch.Tensor] = list(network.parameters())
        torch._foreach_lerp_(averaged, current, share)
        for mine, theirs in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(theirs)
        self.updates += 1
        self._count = count + 1
