"""How a network's weights begin.

Each class is called with a whole network and sets it in place. Convolutions, transposed convolutions and
linear layers get the class's distribution, their biases become 0, normalisations become the identity (but see
:class:`Normal`). Embeddings and conditional normalisations keep the start that their own modules give them.
Layers under spectral normalisation are set underneath it, and its singular vectors follow.

The numbers come from torch's global generator: the one place where it is used, seeded once before a model is
built.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from atelier.types import Mistake

_LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm, nn.InstanceNorm2d, nn.GroupNorm)
_SETTLING_READS = 15
"""Power iterations after a start; torch makes as many when it lays spectral normalisation on a layer."""


class Normal:
    """DCGAN's start (Radford et al. 2016, section 4): weights N(0, std²); a BatchNorm's scale N(1, std²).

    std: standard deviation; the paper's is 0.02.
    """

    def __init__(self, std: float) -> None:
        _above_zero("std", std)
        self.std = std

    def __call__(self, network: nn.Module) -> None:
        """Set ``network`` in place."""
        normal = nn.init.normal_
        _start(network, lambda w, _: normal(w, 0.0, self.std), lambda w: normal(w, 1.0, self.std))


class Xavier:
    """Uniform in ±gain·√(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16).

    gain: factor on the bound; 1 for linear layers, √2 in front of ReLU.
    """

    def __init__(self, gain: float) -> None:
        _above_zero("gain", gain)
        self.gain = gain

    def __call__(self, network: nn.Module) -> None:
        """Set ``network`` in place."""
        _start(network, lambda w, _: nn.init.xavier_uniform_(w, self.gain), nn.init.ones_)


class Kaiming:
    """N(0, 2 / ((1 + slope²)·fan)), which keeps variances through (leaky) ReLUs (He et al. 2015, eq. 15).

    negative_slope: of the leaky ReLUs in the network; 0 for ReLU.
    mode: "fan_in" keeps the variance of activations, "fan_out" that of gradients.
    """

    def __init__(self, negative_slope: float, mode: Literal["fan_in", "fan_out"]) -> None:
        if mode not in ("fan_in", "fan_out"):
            raise Mistake(f"mode={mode}: Kaiming's start counts fan_in or fan_out")
        self.negative_slope = negative_slope
        self.mode = mode

    def __call__(self, network: nn.Module) -> None:
        """Set ``network`` in place."""
        _start(network, self._fill, nn.init.ones_)

    def _fill(self, weight: Tensor, layer: nn.Module) -> None:
        variance = 2 / ((1 + self.negative_slope**2) * _fans(weight, layer)[self.mode])
        nn.init.normal_(weight, 0.0, math.sqrt(variance))


class Orthogonal:
    """Matrices with orthonormal rows or columns, times ``gain`` (Saxe et al. 2014), as BigGAN begins.

    gain: all singular values at the start.
    """

    def __init__(self, gain: float) -> None:
        _above_zero("gain", gain)
        self.gain = gain

    def __call__(self, network: nn.Module) -> None:
        """Set ``network`` in place."""
        _start(network, lambda w, _: nn.init.orthogonal_(w, self.gain), nn.init.ones_)


def _fans(weight: Tensor, layer: nn.Module) -> dict[str, float]:
    """How many numbers a layer sums up for one that it gives (fan_in), and for one number's gradient (fan_out).

    A transposed convolution spreads each number over its kernel, ``stride`` apart: what it gives is a sum of a share of
    the kernel's places only. (torch's own count takes its two fans for each other.)
    """
    first, second, *sides = weight.shape
    kernel = math.prod(sides)
    if isinstance(layer, nn.ConvTranspose2d):
        return {"fan_in": first / layer.groups * kernel / math.prod(layer.stride), "fan_out": second * kernel}
    return {"fan_in": second * kernel, "fan_out": first * kernel}


def _above_zero(name: str, value: float) -> None:
    if not value > 0:
        raise Mistake(f"{name}={value}: the spread of a network's first weights is above 0")


def _start(network: nn.Module, fill: Callable[[Tensor, nn.Module], object], scale: Callable[[Tensor], object]) -> None:
    for module in network.modules():
        if isinstance(module, _LAYERS):
            _fill_weight(module, fill)
        elif isinstance(module, _NORMS) and module.weight is not None:
            scale(module.weight)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@torch.no_grad()
def _fill_weight(layer: nn.Module, fill: Callable[[Tensor, nn.Module], object]) -> None:
    if not parametrize.is_parametrized(layer, "weight"):
        fill(layer.get_parameter("weight"), layer)
        return
    fill(layer.get_parameter("parametrizations.weight.original"), layer)
    # Every read of the weight in training mode is one power iteration: without them the first steps would
    # divide the new weight by a singular value guessed from the old one's vectors.
    for _ in range(_SETTLING_READS):
        _ = layer.weight
