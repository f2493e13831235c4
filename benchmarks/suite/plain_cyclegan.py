"""CycleGAN as people run it: a plain loop written after junyanz/pytorch-CycleGAN-and-pix2pix.

Torch's own instance norm, every image through a generator by itself, Adam as it comes; G before D.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from atelier.network.reference import to_reference
from atelier.types import UnpairedBatch


class Block(nn.Module):
    """The residual block of the public implementation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        self.conv_block = nn.Sequential(*half, nn.ReLU(True), *copy.deepcopy(half))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` to the same shape."""
        return x + self.conv_block(x)


class Stack(nn.Module):
    """Layers under the name that the public implementation saves them by."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """What the layers make of ``x``."""
        return self.model(x)


def generator(width: int) -> Stack:
    """resnet_9blocks."""
    norm = nn.InstanceNorm2d
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), norm(width), nn.ReLU(True)]
    for c in (width, 2 * width):
        layers += [nn.Conv2d(c, 2 * c, 3, 2, 1), norm(2 * c), nn.ReLU(True)]
    layers += [Block(4 * width) for _ in range(9)]
    for c in (4 * width, 2 * width):
        layers += [nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1), norm(c // 2), nn.ReLU(True)]
    return Stack(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def critic(width: int) -> Stack:
    """The basic discriminator: 70 x 70 patches."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for c, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        layers += [nn.Conv2d(c, 2 * c, 4, stride, 1), nn.InstanceNorm2d(2 * c), nn.LeakyReLU(0.2, True)]
    return Stack(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


class PlainCycleGAN:
    """The four networks and one step as the public implementation makes it.

    model: atelier's, whose weights it begins with. What is called d_a here judges domain b.
    """

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        generators, critics = (model.a_to_b, model.b_to_a), (model.critic_b.network, model.critic_a.network)
        self.g_a, self.g_b = (_twin(ours, generator, dtype) for ours in generators)
        self.d_a, self.d_b = (_twin(ours, critic, dtype) for ours in critics)
        self.g_adam = _adam(self.g_a, self.g_b)
        self.d_adam = _adam(self.d_b, self.d_a)
        self.optimizers = (self.d_adam, self.g_adam)
        self.pools: tuple[list[Tensor], list[Tensor]] = ([], [])
        self.dtype = dtype

    def step(self, batch: UnpairedBatch) -> dict[str, Tensor]:
        """Both turns; the losses under our names."""
        a, b = batch.a.to(self.dtype), batch.b.to(self.dtype)
        fake_b, fake_a = self.g_a(a), self.g_b(b)
        rec_a, rec_b = self.g_b(fake_b), self.g_a(fake_a)
        self._judging(False)
        self.g_adam.zero_grad()
        losses = {
            "g/identity_b": F.l1_loss(self.g_a(b), b) * 5.0,
            "g/identity_a": F.l1_loss(self.g_b(a), a) * 5.0,
            "g/adversarial_a_to_b": _gan(self.d_a(fake_b), 1.0),
            "g/adversarial_b_to_a": _gan(self.d_b(fake_a), 1.0),
            "g/cycle_a": F.l1_loss(rec_a, a) * 10.0,
            "g/cycle_b": F.l1_loss(rec_b, b) * 10.0,
        }
        sum(losses.values()).backward()
        self.g_adam.step()
        self._judging(True)
        self.d_adam.zero_grad()
        losses["d/b/adversarial"] = self._judged(self.d_a, b, fake_b, self.pools[0])
        losses["d/a/adversarial"] = self._judged(self.d_b, a, fake_a, self.pools[1])
        self.d_adam.step()
        return losses

    def _judged(self, critic: nn.Module, real: Tensor, fake: Tensor, pool: list[Tensor]) -> Tensor:
        shown = _pooled(fake.detach(), pool)
        loss = (_gan(critic(real), 1.0) + _gan(critic(shown), 0.0)) * 0.5
        loss.backward()
        return loss

    def _judging(self, learns: bool) -> None:
        for parameter in itertools.chain(self.d_a.parameters(), self.d_b.parameters()):
            parameter.requires_grad = learns


def _twin(ours: nn.Module, make: Any, dtype: torch.dtype) -> Stack:
    state = to_reference(ours)
    first = next(iter(state.values()))
    plain = make(len(first))
    plain.load_state_dict(state)
    return plain.to(next(ours.parameters()).device, dtype)


def _adam(*networks: nn.Module) -> torch.optim.Adam:
    parameters: Iterable[nn.Parameter] = itertools.chain.from_iterable(network.parameters() for network in networks)
    return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999))


def _gan(prediction: Tensor, target: float) -> Tensor:
    return F.mse_loss(prediction, torch.full_like(prediction, target))


def _pooled(fake: Tensor, pool: list[Tensor]) -> Tensor:
    if len(pool) < 50:
        pool.append(fake)
        return fake
    if random.random() <= 0.5:
        return fake
    place = random.randrange(50)
    stored, pool[place] = pool[place], fake
    return stored
