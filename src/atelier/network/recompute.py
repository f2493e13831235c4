"""Gradient checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): time for memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Segment(nn.Sequential):
    """Layers one after another whose inside can be forgotten and computed again when a gradient passes.

    forgets: whether it is: the backward pass then finds the input alone and computes the layers a second time. Results
        and gradients are the same. Not for layers that draw from chance, nor for running statistics where it is
        compiled.
    """

    forgets = False

    def forward(self, input: Tensor) -> Tensor:
        """What the layers make of ``input``."""
        layers: Callable[[Tensor], Tensor] = super().forward
        if not self.forgets or not torch.is_grad_enabled():
            return layers(input)
        contexts = nullcontext(), _SeenBefore(self)
        # A compiler takes no contexts.
        options: dict[str, Any] = {} if torch.compiler.is_compiling() else {"context_fn": lambda: contexts}
        made: Tensor = checkpoint(layers, input, use_reentrant=False, preserve_rng_state=False, **options)
        return made


class _SeenBefore:
    """Buffers, such as running statistics, leave it as they entered it; it can be entered again and again."""

    def __init__(self, network: nn.Module) -> None:
        self._buffers = list(network.buffers())
        self._before: list[Tensor] = []

    def __enter__(self) -> None:
        self._before = [buffer.clone() for buffer in self._buffers]

    def __exit__(self, *_: object) -> None:
        with torch.no_grad():
            for buffer, before in zip(self._buffers, self._before, strict=True):
                buffer.copy_(before)
        self._before = []


def forget(network: nn.Module) -> list[Segment]:
    """Have all segments of ``network`` forget their inside, and return them."""
    segments = [part for part in network.modules() if isinstance(part, Segment)]
    for segment in segments:
        segment.forgets = True
    return segments
