"""R3GAN as its authors train it: a plain loop written after brownvc/R3GAN, on copies of the recipe's networks.

Pairs of logits, a zero-centred penalty on both sides, the other player's parameters off, a moving average by a loop.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from atelier.types import ImageBatch


class PlainR3GAN:
    """Both networks and one step.

    model: atelier's, whose networks it begins with; gamma: weight of the penalty.
    latents: the number of images -> ``[B, latent_dim]``; by default normal numbers.
    """

    def __init__(
        self, model: Any, dtype: torch.dtype, gamma: float, latents: Callable[[int], Tensor] | None = None
    ) -> None:
        self.generator = copy.deepcopy(model.generator).to(dtype)
        self.discriminator = copy.deepcopy(model.critic.network).to(dtype)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        device, dim = next(self.generator.parameters()).device, model.latent.dim
        self.d_adam = torch.optim.Adam(self.discriminator.parameters(), lr=2e-4, betas=(0.0, 0.9))
        self.g_adam = torch.optim.Adam(self.generator.parameters(), lr=2e-4, betas=(0.0, 0.9))
        self.optimizers = (self.d_adam, self.g_adam)
        self.latents = latents or (lambda count: torch.randn(count, dim, device=device))
        self.dtype, self.gamma = dtype, gamma

    def step(self, batch: ImageBatch) -> dict[str, Tensor]:
        """Both turns; the losses under our names."""
        real = batch.images.to(self.dtype)
        count = len(real)
        _learn(self.discriminator, self.generator)
        self.d_adam.zero_grad()
        real_sample = real.detach().requires_grad_(True)
        fake_sample = self.generator(self.latents(count).to(self.dtype)).detach().requires_grad_(True)
        real_logits, fake_logits = self.discriminator(real_sample), self.discriminator(fake_sample)
        r1, r2 = _penalty(real_sample, real_logits), _penalty(fake_sample, fake_logits)
        adversarial = F.softplus(-(real_logits - fake_logits))
        (adversarial + self.gamma / 2 * (r1 + r2)).mean().backward()
        self.d_adam.step()

        _learn(self.generator, self.discriminator)
        self.g_adam.zero_grad()
        fake_logits = self.discriminator(self.generator(self.latents(count).to(self.dtype)))
        g_loss = F.softplus(-(fake_logits - self.discriminator(real))).mean()
        g_loss.backward()
        self.g_adam.step()
        with torch.no_grad():
            for mean, parameter in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.copy_(parameter.lerp(mean, 0.999))
        penalties = {"d/r1": self.gamma / 2 * r1.mean(), "d/r2": self.gamma / 2 * r2.mean()}
        return {"d/adversarial": adversarial.mean(), "g/adversarial": g_loss, **penalties}


def _learn(player: nn.Module, other: nn.Module) -> None:
    player.requires_grad_(True)
    other.requires_grad_(False)


def _penalty(samples: Tensor, logits: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(logits.sum(), samples, create_graph=True)
    return gradient.square().sum((1, 2, 3))
