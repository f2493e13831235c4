"""Spectral normalisation of a whole network."""

from __future__ import annotations

from typing import TypeVar

from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

Network = TypeVar("Network", bound=nn.Module)

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)


def spectral(network: Network) -> Network:
    """Divide every layer's weight by its largest singular value (Miyato et al. 2018, eq. 8 and algorithm 1).

    Convolutions are taken as matrices [out, in·k·k]. The network is changed in place and handed back; a layer
    that is normalised already stays as it is. Each read of a weight in training mode makes one power
    iteration.
    """
    for module in list(network.modules()):
        if isinstance(module, _LAYERS) and not parametrize.is_parametrized(module, "weight"):
            spectral_norm(module)
    return network
