"""DCGAN as people run it: a plain loop written after the example of pytorch/examples.

One batch of fakes serves both turns, the discriminator computes gradients in both, BCE on a sigmoid, Adam as it
comes, the losses are read in every step. Biases are those that atelier's networks have, so that both are one function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from atelier.types import ImageBatch


def generator(latent_dim: int, width: int) -> nn.Sequential:
    """``[B, latent_dim, 1, 1]`` to ``[B, 3, 64, 64]``."""
    layers: list[nn.Module] = [nn.ConvTranspose2d(latent_dim, 8 * width, 4, 1, 0, bias=False)]
    for c in (8 * width, 4 * width, 2 * width):
        layers += [nn.BatchNorm2d(c), nn.ReLU(True), nn.ConvTranspose2d(c, c // 2, 4, 2, 1, bias=False)]
    layers += [nn.BatchNorm2d(width), nn.ReLU(True), nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Tanh()]
    return nn.Sequential(*layers)


def discriminator(width: int) -> nn.Sequential:
    """``[B, 3, 64, 64]`` to probabilities ``[B, 1, 1, 1]``."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for c in (width, 2 * width, 4 * width):
        layers += [nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 0), nn.Sigmoid())


class PlainDCGAN:
    """Both networks and one step of the example.

    model: atelier's, whose weights it begins with.
    latents: the number of images -> ``[B, latent_dim]``; by default normal numbers.
    """

    def __init__(self, model: Any, dtype: torch.dtype, latents: Callable[[int], Tensor] | None = None) -> None:
        dim, width = model.latent.dim, model.critic.network.layers[0].out_channels
        self.device = next(model.generator.parameters()).device
        self.generator = _begun(generator(dim, width), model.generator, dtype)
        self.discriminator = _begun(discriminator(width), model.critic.network, dtype)
        self.d_adam = torch.optim.Adam(self.discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.g_adam = torch.optim.Adam(self.generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.optimizers = (self.d_adam, self.g_adam)
        self.latents = latents or (lambda count: torch.randn(count, dim, device=self.device))
        self.criterion = nn.BCELoss()
        self.dtype = dtype

    def step(self, batch: ImageBatch) -> dict[str, float]:
        """Both turns; the losses under our names."""
        real = batch.images.to(self.dtype)
        self.discriminator.zero_grad()
        label = torch.full((len(real),), 1.0, dtype=self.dtype, device=self.device)
        output = self.discriminator(real).view(-1)
        real_loss = self.criterion(output, label)
        real_loss.backward()
        output.mean().item()
        fake = self.generator(self.latents(len(real)).to(self.dtype)[:, :, None, None])
        label.fill_(0.0)
        output = self.discriminator(fake.detach()).view(-1)
        fake_loss = self.criterion(output, label)
        fake_loss.backward()
        output.mean().item()
        self.d_adam.step()

        self.generator.zero_grad()
        label.fill_(1.0)
        g_loss = self.criterion(self.discriminator(fake).view(-1), label)
        g_loss.backward()
        self.g_adam.step()
        return {"d/adversarial": (real_loss + fake_loss).item(), "g/adversarial": g_loss.item()}


@torch.no_grad()
def _begun(plain: nn.Module, ours: nn.Module, dtype: torch.dtype) -> nn.Module:
    plain.to(next(ours.parameters()).device, dtype)
    for mine, other in zip(plain.parameters(), ours.parameters(), strict=True):
        mine.copy_(other.view_as(mine))
    return plain
