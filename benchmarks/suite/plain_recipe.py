"""A recipe's own game as one would write it by hand: the same networks, optimizers and augmentation, no machinery."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.data.source import Images
from atelier.types import ImageBatch


class Dice:
    """Torch's global chance in the place of a run's own."""

    epoch = 0.0

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def uniform(self, purpose: str, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1)."""
        return torch.rand(*shape, device=self.device)


class PlainRecipe:
    """The game with logistic losses, a moving average of G, and both turns on latents of their own.

    model: atelier's, whose networks it begins with.
    r1: weight of the penalty on D's slope at the reals (0 for none), and the steps from one to the next.
    latents: the number of images -> ``[B, latent_dim]``; by default uniform numbers in [-1, 1).
    chance: what augmentation draws from.
    """

    def __init__(
        self, model: Any, dtype: torch.dtype, r1: tuple[float, int], latents: Any = None, chance: Any = None
    ) -> None:
        self.generator = copy.deepcopy(model.generator).to(dtype)
        self.discriminator = copy.deepcopy(model.critic.network).to(dtype)
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.augment, self.conditional = model.critic.augment, model.num_classes is not None
        d_optimizer, g_optimizer = model.configure_optimizers()
        self.d_optimizer = type(d_optimizer)(self.discriminator.parameters(), **d_optimizer.defaults)
        self.g_optimizer = type(g_optimizer)(self.generator.parameters(), **g_optimizer.defaults)
        self.optimizers = (self.d_optimizer, self.g_optimizer)
        dim, device = model.latent.dim, next(model.generator.parameters()).device
        self.latents = latents or (lambda count: torch.rand(count, dim, device=device) * 2 - 1)
        self.chance, self.dtype = chance or Dice(device), dtype
        (self.r1, self.interval), self.steps = r1, 0

    def step(self, batch: ImageBatch) -> dict[str, Tensor]:
        """One round of the game; the losses under our names."""
        real, count = batch.images.to(self.dtype), len(batch.images)
        labels = batch.labels if self.conditional else None
        with torch.no_grad():
            fake = self.generator(self.latents(count).to(self.dtype), labels)
        penalised = self.r1 > 0 and self.steps % self.interval == 0
        self.steps += 1
        real.requires_grad_(penalised)
        real_logits = self.discriminator(self.augment(real, self.chance), labels)
        fake_logits = self.discriminator(self.augment(fake, self.chance), labels)
        d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        terms = {"d/adversarial": d_loss}
        if penalised:
            (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            terms["d/r1"] = self.interval * self.r1 / 2 * slope.square().sum((1, 2, 3)).mean()
        self.d_optimizer.zero_grad()
        sum(terms.values()).backward()
        self.d_optimizer.step()

        self.discriminator.requires_grad_(False)
        fake = self.generator(self.latents(count).to(self.dtype), labels)
        g_loss = F.softplus(-self.discriminator(self.augment(fake, self.chance), labels)).mean()
        self.g_optimizer.zero_grad()
        g_loss.backward()
        self.g_optimizer.step()
        self.discriminator.requires_grad_(True)

        with torch.no_grad():
            for mine, theirs in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mine.lerp_(theirs, 0.001)
        return {**terms, "g/adversarial": g_loss}


class Drawn:
    """Batches of a data set as a plain loop draws them: random rows, scaled to [-1, 1]."""

    def __init__(self, images: Images, batch_size: int, device: torch.device) -> None:
        self.images, self.batch_size, self.device = images, batch_size, device

    def __call__(self) -> ImageBatch:
        """The next batch."""
        rows = torch.randint(len(self.images.pixels), (self.batch_size,))
        pixels = self.images.pixels[rows].to(self.device).float().div_(127.5).sub_(1)
        labels = None if self.images.labels is None else self.images.labels[rows].to(self.device)
        return ImageBatch(pixels, rows, labels, 0, 0.0)
