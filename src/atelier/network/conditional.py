"""How class labels enter a network: by the generator's normalisations and the discriminator's last layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atelier.network.sizes import positive
from atelier.precise import widened


class ConditionalBatchNorm2d(nn.Module):
    """Batch normalisation whose gain and bias belong to the class (de Vries et al. 2017).

    y = gain[label] · (x − mean) / √(var + eps) + bias[label]; gains begin at 1 and biases at 0.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        positive(channels=channels, num_classes=num_classes)
        self.norm = nn.BatchNorm2d(channels, affine=False)
        # Plain parameters and no nn.Embedding: initialisers and spectral normalisation have no business here.
        self.gain = nn.Parameter(torch.ones(num_classes, channels))
        self.bias = nn.Parameter(torch.zeros(num_classes, channels))

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """``[B, channels, H, W]`` normalised; labels: ``[B]`` int64."""
        assert labels is not None, "a conditional network needs labels"
        gain = F.embedding(labels, self.gain)[:, :, None, None]
        bias = F.embedding(labels, self.bias)[:, :, None, None]
        return torch.addcmul(bias, self.norm(x), gain)


def norm(channels: int, num_classes: int | None) -> nn.Module:
    """Batch normalisation of ``channels``: conditional where there are classes."""
    return nn.BatchNorm2d(channels) if num_classes is None else ConditionalBatchNorm2d(channels, num_classes)


class Labelled(nn.ModuleList):
    """A sequence that hands the labels to those of its layers that take them."""

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """``x`` through all layers; labels: ``[B]`` int64, or None if no layer asks for them."""
        for layer in self:
            x = layer(x, labels) if isinstance(layer, ConditionalBatchNorm2d) else layer(x)
        return x


class Projection(nn.Module):
    """A discriminator's last layer (Miyato & Koyama 2018, fig. 1d): v·φ + c, plus embed(y)·φ for class y."""

    def __init__(self, features: int, num_classes: int | None) -> None:
        super().__init__()
        positive(features=features, num_classes=num_classes)
        self.linear = nn.Linear(features, 1)
        self.embed = None if num_classes is None else nn.Embedding(num_classes, features)
        if self.embed is not None:
            # As in the authors' code; torch's N(0, 1) would drown v·φ.
            nn.init.xavier_uniform_(self.embed.weight)

    def forward(self, phi: Tensor, labels: Tensor | None) -> Tensor:
        """Logits ``[B]`` of features ``[B, features]``, in float32 at least; labels: ``[B]`` int64."""
        logits = widened(self.linear(phi).squeeze(1))
        if self.embed is None:
            return logits
        assert labels is not None, "a conditional network needs labels"
        projected: Tensor = (self.embed(labels) * phi).sum(1, dtype=logits.dtype)
        return logits + projected
