"""One adversary: a network with its objective, penalties and augmentation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from atelier.moment import Moment
from atelier.network.spectral import spectral
from atelier.regularizer.verdict import Regularizer, Verdict


class Objective(Protocol):
    """What each player wants of the critic's logits."""

    equilibrium: float | None
    boundary: float | None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss."""
        ...

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """The generator's loss; ``real()`` is the reals' logits, asked for by relativistic objectives alone."""
        ...


class Augment(Protocol):
    """A differentiable augmentation of ``[B, C, H, W]`` images in [-1, 1]."""

    def __call__(self, images: Tensor, moment: Moment) -> Tensor:
        """The augmented images."""
        ...


class Judgement(NamedTuple):
    """A critic's loss by its terms, and what its verdicts say of the game."""

    terms: dict[str, Tensor]
    signs: dict[str, Tensor]


class Critic(nn.Module):
    """Tells real from fake; used once by a GAN, once per domain by a CycleGAN.

    network: ``(images [B, C, H, W], labels [B] | None) -> logits``.
    objective: the losses of both players.
    regularizer: penalties on the network's gradient.
    augment: what every image passes before the network sees it, real or fake, in both turns.
    spectral_norm: hold each layer's largest singular value at 1 (Miyato et al. 2018).
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        regularizer: Regularizer,
        augment: Augment,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.network = spectral(network) if spectral_norm else network
        self.objective = objective
        self.regularizer = regularizer
        self.augment = augment

    def judge(self, real: Tensor, fake: Tensor, moment: Moment, labels: Tensor | None = None) -> Judgement:
        """The discriminator's turn: its loss on reals and fakes, with its penalties.

        real, fake: ``[B, C, H, W]`` in [-1, 1]; no gradient leaves through them.
        """
        penalised = self.regularizer.acts(moment.step)
        traced = penalised and self.regularizer.of_verdicts
        fake = fake.to(real.dtype)
        # A slope is no better than the numbers that it is traced back through, and what is compiled cannot be
        # differentiated twice (torch's AOTAutograd): the plain forward pass, where the network was compiled.
        with torch.autocast(real.device.type, enabled=False) if traced else nullcontext():
            judge = self.network.forward if traced else self.network
            reals = self._verdict(judge, real.detach().requires_grad_(traced), moment.within("real"), labels)
            fakes = self._verdict(judge, fake.detach().requires_grad_(traced), moment.within("fake"), labels)
        terms = {"adversarial": self.objective.discriminator(reals.logits, fakes.logits)}
        signs = self._signs(reals.logits, fakes.logits, terms["adversarial"])
        if penalised:
            terms |= self.regularizer(
                lambda images: self._verdict(self.network.forward, images, moment.within("penalty"), labels).logits,
                reals,
                fakes,
                moment,
            )
        return Judgement(terms, signs)

    def persuade(self, fake: Tensor, real: Tensor, moment: Moment, labels: Tensor | None = None) -> dict[str, Tensor]:
        """The generator's turn: how far ``fake`` is from passing for real."""
        logits = self._verdict(self.network, fake, moment.within("fake"), labels).logits
        loss = self.objective.generator(
            logits, lambda: self._verdict(self.network, real, moment.within("real"), labels).logits
        )
        return {"adversarial": loss}

    def _verdict(
        self, network: Callable[..., Tensor], images: Tensor, moment: Moment, labels: Tensor | None
    ) -> Verdict:
        return Verdict(images, network(self.augment(images, moment), labels))

    def _signs(self, real: Tensor, fake: Tensor, loss: Tensor) -> dict[str, Tensor]:
        signs: dict[str, Tensor] = {}
        if self.objective.equilibrium is not None:
            signs["value"] = -loss  # V(D, G) of Goodfellow et al. 2014, eq. 1, is what D ascends
        if self.objective.boundary is not None:
            signs["d/accuracy_real"] = (real.detach() > self.objective.boundary).float().mean()
            signs["d/accuracy_fake"] = (fake.detach() <= self.objective.boundary).float().mean()
        return signs
