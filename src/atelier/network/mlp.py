"""Fully connected networks, as in the first GANs (Goodfellow et al. 2014), with leaky ReLUs throughout.

They also play in the plane: points are images of one pixel and two channels.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from atelier.network.conditional import Projection
from atelier.network.sizes import positive


def _hidden(inputs: int, width: int, depth: int) -> nn.Sequential:
    sizes = [inputs] + [width] * depth
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers)


class MLPGenerator(nn.Module):
    """Latents to images through ``depth`` hidden layers of ``width`` units and a tanh.

    With ``num_classes`` a learnt embedding of the label, as long as the latent, is put beside it
    (Mirza & Osindero 2014, section 4.1).
    """

    def __init__(
        self,
        latent_dim: int,
        channels: int,
        image_size: int,
        width: int,
        depth: int,
        *,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        positive(latent_dim=latent_dim, channels=channels, image_size=image_size, width=width, depth=depth)
        positive(num_classes=num_classes)
        self.embed = None if num_classes is None else nn.Embedding(num_classes, latent_dim)
        self.hidden = _hidden(latent_dim if self.embed is None else 2 * latent_dim, width, depth)
        self.last = nn.Sequential(
            nn.Linear(width, channels * image_size**2),
            nn.Tanh(),
            nn.Unflatten(1, (channels, image_size, image_size)),
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[B, C, H, W]`` in [-1, 1] from latents ``[B, latent_dim]`` and labels ``[B]``."""
        if self.embed is not None:
            assert labels is not None, "a conditional network needs labels"
            z = torch.cat([z, self.embed(labels)], dim=1)
        images: Tensor = self.last(self.hidden(z))
        return images


class MLPDiscriminator(nn.Module):
    """Images to logits through ``depth`` hidden layers of ``width`` units; labels enter by projection."""

    def __init__(
        self, channels: int, image_size: int, width: int, depth: int, *, num_classes: int | None = None
    ) -> None:
        super().__init__()
        positive(channels=channels, image_size=image_size, width=width, depth=depth)
        self.hidden = nn.Sequential(nn.Flatten(), *_hidden(channels * image_size**2, width, depth))
        self.head = Projection(width, num_classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits ``[B]`` of images ``[B, C, H, W]`` and labels ``[B]``."""
        logits: Tensor = self.head(self.hidden(images), labels)
        return logits
