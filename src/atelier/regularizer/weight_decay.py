"""Weight decay as a term of the loss, so that it is logged, and acts on weights alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atelier.precise import widened


def half_square(network: nn.Module) -> Tensor:
    """½ Σ W² over the weights of ``network``: its parameters of two dimensions and more, each counted once.

    Biases and the scales of normalisations stay out (Ng 2011, section 2: "weight decay is not applied to the bias
    terms"). A tied weight is one parameter.
    """
    weights = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    return 0.5 * torch.stack([widened(weight).square().sum() for weight in weights]).sum()
