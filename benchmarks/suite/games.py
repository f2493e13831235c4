"""The training steps that are measured: atelier's words for them, noise to train on, the plain loops beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from atelier.moment import Moment
from atelier.types import ImageBatch, UnpairedBatch
from suite.ours import MakeBatch
from suite.plain_cyclegan import PlainCycleGAN
from suite.plain_dcgan import PlainDCGAN
from suite.plain_r3gan import PlainR3GAN
from suite.race import Plain


@dataclass(frozen=True)
class Game:
    """A training step.

    said: in words.
    words: for the command line.
    small: further words, with which a step takes a moment; batch and side of the images then.
    noise: (batch, side) -> seed -> batch.
    plain: (model, dtype) -> the plain loop.
    same: lets model and plain loop play with the same latents; returns the plain loop's arguments.
    """

    said: str
    words: tuple[str, ...]
    batch: int
    side: int
    small: tuple[tuple[str, ...], int, int]
    noise: Callable[[int, int], MakeBatch]
    plain: Callable[..., Plain]
    same: Callable[[Any, int], dict[str, Any]]


def _unpaired(batch: int, side: int) -> MakeBatch:
    def make(seed: int) -> UnpairedBatch:
        generator = torch.Generator().manual_seed(seed)
        a, b = (torch.rand(batch, 3, side, side, generator=generator) * 2 - 1 for _ in "ab")
        nothing = torch.zeros(batch, dtype=torch.int64)
        return UnpairedBatch(a, b, nothing, nothing, 0, 0.0)

    return make


def _single(batch: int, side: int) -> MakeBatch:
    def make(seed: int) -> ImageBatch:
        images = torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        return ImageBatch(images, torch.arange(batch), None, 0, 0.0)

    return make


class _Given:
    """Latents that are always the same, in the place of a model's distribution."""

    def __init__(self, z: Tensor) -> None:
        self.z, self.dim = z, z.shape[1]

    def draw(self, moment: Moment, purpose: str, count: int) -> Tensor:
        """``[count, dim]``."""
        return self.z[:count].to(moment.device)


def same_latents(model: Any, batch: int) -> dict[str, Any]:
    """Give ``model`` fixed latents; returns how a plain loop gets them."""
    model.latent = _Given(torch.randn(batch, model.latent.dim, generator=torch.Generator().manual_seed(0)))
    return {"latents": lambda count: model.latent.z[:count].to(next(model.parameters()).device)}


def cyclegan(side: int) -> Game:
    """The public recipe's networks and losses on images of ``side`` pixels."""
    words = ("model=cyclegan", "data=stripes", f"data.image_size={side}")
    narrow = (*words[:2], "data.image_size=32", "generator.width=48", "discriminator.width=8")
    return Game(
        f"CycleGAN's step, {side} px, batch 1",
        words,
        1,
        side,
        (narrow, 1, 32),
        _unpaired,
        PlainCycleGAN,
        lambda model, batch: {},
    )


def dcgan(batch: int) -> Game:
    """The DCGAN example's networks of width 64 on colour images of 64 pixels."""
    words = ("model=dcgan", "data=digits", "data.image_size=64", "data.channels=3", "latent=normal", "latent.dim=100")
    wide = ("model.generator.width=64", "model.critic.network.width=64", f"data.batch_size={batch}")
    narrow = ("model.generator.width=8", "model.critic.network.width=8", "data.batch_size=8")
    return Game(
        f"DCGAN's step, 64 px, width 64, batch {batch}",
        (*words, *wide),
        batch,
        64,
        ((*words, *narrow), 8, 64),
        _single,
        PlainDCGAN,
        same_latents,
    )


def r3gan(batch: int) -> Game:
    """``experiment=r3gan_cifar10`` on noise of CIFAR's size."""
    words = ("experiment=r3gan_cifar10", f"data.batch_size={batch}")
    narrow = ("experiment=r3gan_cifar10", "model.generator.width=8", "model.critic.network.width=8")
    return Game(
        f"R3GAN's step (experiment=r3gan_cifar10), 32 px, batch {batch}",
        words,
        batch,
        32,
        ((*narrow, "data.batch_size=8"), 8, 32),
        _single,
        partial(PlainR3GAN, gamma=0.05),
        same_latents,
    )
