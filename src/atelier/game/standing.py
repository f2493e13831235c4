"""What a network's BatchNorms remember, taken from the network as it stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from atelier.game.turn import evaluating
from atelier.precise import widened


class _Entering:
    """Mean and variance of all that has entered a layer, which normalises by them from then on."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = self._squares = torch.zeros(())

    def __call__(self, layer: _BatchNorm, arguments: tuple[Tensor]) -> None:
        """Take in ``[B, C, ...]``: two sets' moments make those of both (Chan et al. 1979)."""
        (x,) = arguments
        variance, mean = torch.var_mean(widened(x), [dim for dim in range(x.dim()) if dim != 1], correction=0)
        count = x.numel() // x.shape[1]
        whole = self._count + count
        apart = mean - self._mean.to(mean)
        self._squares = self._squares.to(mean) + variance * count + apart.square() * (self._count * count / whole)
        self._mean = self._mean.to(mean) + apart * (count / whole)
        self._count = whole
        assert layer.running_mean is not None and layer.running_var is not None
        layer.running_mean.copy_(self._mean)
        layer.running_var.copy_(self._squares / max(whole - 1, 1))


@torch.no_grad()
def stand(network: nn.Module, inputs: Iterable[tuple[Any, ...]]) -> None:
    """Give the BatchNorms of ``network`` the mean and variance of what enters them when it is called with ``inputs``.

    For weights that are no point of the path that training took, such as an average of them: what layers remember of
    that path is not what these weights make (Izmailov et al. 2018, section 3.2; "standing statistics" in Brock et al.
    2019). Each layer normalises by all that has entered it so far and not by one batch, and no rank waits for another.

    inputs: argument lists; not asked for where no layer keeps statistics.
    """
    layers = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not layers:
        return
    hooks = [layer.register_forward_pre_hook(_Entering()) for layer in layers]
    try:
        with evaluating(network):
            for some in inputs:
                network(*some)
    finally:
        for hook in hooks:
            hook.remove()
