"""A decoder that borrows the encoder's weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Transposed(nn.Module):
    """The linear layers of an encoder backwards: layer l computes Wₗᵀ x + cₗ (Vincent et al. 2010, section 2.2).

    The weights are the encoder's own tensors, looked up at every step: there is one copy of them to train, to save
    and to decay. The biases c are this module's.

    layers: the encoder's, in its order.
    activation: between two layers, not behind the last.
    """

    def __init__(self, layers: Sequence[nn.Linear], activation: nn.Module) -> None:
        super().__init__()
        # In a tuple: a registered layer would stand in the state a second time.
        self._layers = tuple(reversed(layers))
        self.activation = activation
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(layer.in_features)) for layer in self._layers)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, in_features of the first layer]`` of ``[B, out_features of the last]``."""
        for number, (layer, bias) in enumerate(zip(self._layers, self.biases, strict=True)):
            x = F.linear(x if number == 0 else self.activation(x), layer.weight.t(), bias)
        return x
