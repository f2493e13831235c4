"""The generator's moving average: what people use and what is scored."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import nn

from atelier.game.standing import stand
from atelier.types import Mistake


class _Tensors(NamedTuple):
    """What a network consists of."""

    parameters: list[torch.Tensor]
    buffers: list[torch.Tensor]

    @classmethod
    def of(cls, network: nn.Module) -> _Tensors:
        return cls(list(network.parameters()), list(network.buffers()))


class Average(nn.Module):
    """Exponential moving average of a network's parameters (Yazıcı et al. 2019), with a warm-up.

    θ̄ ← β_t θ̄ + (1 − β_t) θ with β_t = min(β, (1 + t) / (warm_up + t)) after t updates: the average forgets
    its random start at once and becomes slow later. Buffers are copied: integer counters and singular vectors
    have no mean, and the mean of what BatchNorms remember is not what averaged weights make (see :meth:`settle`).

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
        # Looking through the modules takes three times as long as the arithmetic on small networks.
        self._followed: tuple[nn.Module, _Tensors, _Tensors] | None = None
        self._settled = True

    def train(self, mode: bool = True) -> Average:
        """Stay in evaluation mode: an average does not learn."""
        return super().train(False)

    def _apply(self, fn: Callable[..., torch.Tensor], recurse: bool = True) -> Average:
        """Forget where tensors lay: a model that moves to another device gets new buffers."""
        self._followed = None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch gives it no types
        return self

    @torch.no_grad()
    def update(self, network: nn.Module, epoch: float) -> None:
        """Move the average one step towards ``network``."""
        count = int(self.updates) if self._count is None else self._count
        decay = self.decay(epoch) if callable(self.decay) else self.decay
        share = 1 - min(decay, (1 + count) / (self.warm_up + count))
        if self._followed is None or self._followed[0] is not network:
            self._followed = (network, _Tensors.of(network), _Tensors.of(self.network))
        _, theirs, mine = self._followed
        torch._foreach_lerp_(mine.parameters, theirs.parameters, share)
        if mine.buffers:
            torch._foreach_copy_(mine.buffers, theirs.buffers)
        self.updates.add_(1)
        self._count = count + 1
        self._settled = False

    def settle(self, inputs: Iterable[tuple[Any, ...]]) -> None:
        """Give the average's BatchNorms the statistics of its own weights, if it has moved since the last time.

        inputs: argument lists of the network as in training; only asked for where they are needed.
        """
        if not self._settled:
            stand(self.network, inputs)
            self._settled = True
