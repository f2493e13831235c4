"""The two-player game between a generator and a discriminator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import override

from atelier.game.average import Average
from atelier.game.critic import Critic
from atelier.game.latent import Latent
from atelier.game.schedule import Schedule
from atelier.game.turn import evaluating, turn
from atelier.game.two_players import MakeOptimizer, Players, TwoPlayers
from atelier.moment import SCORE_SEED, Moment
from atelier.types import ImageBatch, Judged, Mistake, UnpairedBatch

# Latents from which an averaged generator's BatchNorms take their statistics: ten times as many move the Fréchet
# distance of the digits' generator by 0.2 %, and statistics of the generator that trains by 2.6 %.
_PASSES, _PASS = 32, 64


class _Part(NamedTuple):
    """A cut of the batch: reals, their classes, latents for as many fakes, its share of the batch, its chance."""

    real: Tensor
    labels: Tensor | None
    z: Tensor
    share: float
    moment: Moment


class GAN(TwoPlayers):
    """Generative adversarial network (Goodfellow et al. 2014), whatever its networks, objective and penalties.

    generator: ``(z [B, latent.dim], labels [B] | None) -> images [B, C, H, W]`` in [-1, 1].
    critic: the adversary, with its objective, regularizer and augmentation.
    latent: the distribution of z.
    initialize: sets the first weights of both networks.
    generator_optimizer, discriminator_optimizer: parameters -> optimizer.
    schedule: factor of both learning rates over the epochs.
    beta2: Adam's second beta over the epochs, or None to leave it as the optimizer has it.
    ema: network -> its moving average, or None; the averaged generator is the one that is scored and saved
        for use.
    discriminator_turns: batches on which D moves before G moves once, each on new reals.
    parts: cuts of the batch whose gradients are accumulated before a step (memory for time; BatchNorm sees a
        part).
    clip: largest norm of a player's gradient, or None.
    num_classes: number of classes if both networks are conditional, else None.
    classes: those of them that training sees, which take turns in samples; None for all.
    seed: of every draw that training makes.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        critic: Critic,
        latent: Latent,
        initialize: Callable[[nn.Module], None],
        generator_optimizer: MakeOptimizer,
        discriminator_optimizer: MakeOptimizer,
        schedule: Schedule,
        seed: int,
        ema: Callable[[nn.Module], Average] | None = None,
        beta2: Schedule | None = None,
        discriminator_turns: int = 1,
        parts: int = 1,
        clip: float | None = None,
        num_classes: int | None = None,
        classes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            schedule=schedule,
            clip=clip,
            seed=seed,
        )
        if discriminator_turns < 1:
            raise Mistake(f"model.discriminator_turns={discriminator_turns}: the discriminator moves at least once")
        if parts < 1:
            raise Mistake(f"model.parts={parts}: a batch has at least one part")
        self.generator, self.critic, self.latent = generator, critic, latent
        for network in (generator, critic):
            initialize(network)
        self.average = None if ema is None else ema(generator)
        # What is stored is what is scored.
        self.register_state_dict_pre_hook(_settled)  # type: ignore[no-untyped-call]  # torch gives it no types
        self.beta2, self.discriminator_turns, self.parts = beta2, discriminator_turns, parts
        self.num_classes = num_classes
        self.classes = None if num_classes is None else tuple(range(num_classes) if classes is None else classes)

    @property
    def players(self) -> Players:
        """D is the critic, G the generator."""
        return Players([self.critic], [self.generator])

    # --- the game ----------------------------------------------------------------------------------------------------

    def training_step(self, batch: ImageBatch, batch_idx: int) -> None:
        """One round: D ascends its objective on reals and fakes; then, if it is G's turn, G descends its own.

        Goodfellow et al. 2014, Algorithm 1, with a batch's reals never used for two moves of D.
        """
        d_optimizer, g_optimizer = self.player_optimizers()
        moment = self.moment(batch, batch_idx)

        with turn(self, "d", d_optimizer, rests=[self.generator]) as descend:
            for real, labels, z, share, chance in self._cut(batch, moment.within("d")):
                with torch.no_grad():
                    fake = self.generator(z, labels)
                judgement = self.critic.judge(real, fake, chance, labels)
                descend(judgement.terms, share)
                self.ledger.enter(judgement.signs, share)

        if (moment.step + 1) % self.discriminator_turns:
            return

        with turn(self, "g", g_optimizer, rests=[self.critic]) as descend:
            for real, labels, z, share, chance in self._cut(batch, moment.within("g")):
                fake = self.generator(z, labels)
                descend(self.critic.persuade(fake, real, chance, labels), share)

        if self.average is not None:
            self.average.update(self.generator, moment.epoch)

    def _cut(self, batch: ImageBatch, moment: Moment) -> Iterator[_Part]:
        """The batch in parts, each with its latents (drawn for the whole) and a chance of its own."""
        count = len(batch.images)
        z = self.latent.draw(moment, "latent", count).to(self.dtype)
        labels = self._labels(batch)
        size = -(-count // self.parts)
        chance = moment.within("part 0")
        for start in range(0, count, size):
            mine = slice(start, start + size)
            real = batch.images[mine].to(self.dtype)
            # Each image's chance is that of its place in the batch, however the batch is cut.
            here = chance.of_part(start, len(real), count)
            yield _Part(real, None if labels is None else labels[mine], z[mine], len(real) / count, here)

    def _labels(self, batch: ImageBatch) -> Tensor | None:
        """The classes that the networks are told of; Mistake where an image has none."""
        if self.num_classes is None:
            return None
        if batch.labels is None:
            raise Mistake(
                "condition=label wants a class for every image, and some of this data have none (in shards: a .cls "
                "file beside each picture); leave condition out, or give them one"
            )
        return batch.labels

    @override
    def on_train_batch_start(self, batch: ImageBatch | UnpairedBatch, batch_idx: int) -> None:
        """Set what the schedules say."""
        super().on_train_batch_start(batch, batch_idx)
        if self.beta2 is not None:
            for optimizer in self.player_optimizers():
                for group in optimizer.param_groups:
                    group["betas"] = (group["betas"][0], self.beta2(batch.epoch))

    # --- what others may ask -----------------------------------------------------------------------------------------

    @property
    def equilibrium(self) -> float | None:
        """V(D, G) where neither player can gain, or None for objectives without that reading."""
        return self.critic.objective.equilibrium

    # Lightning would have a loss or a mapping here; what a callback gets is whatever is returned.
    def validation_step(self, batch: ImageBatch, batch_idx: int) -> Judged:  # type: ignore[override]
        """One fake per real, from the latent that belongs to the real's index."""
        fakes = self._fake(batch.indices, SCORE_SEED, self._labels(batch))
        return Judged(batch.images, fakes, batch.indices)

    def sample(
        self,
        count: int,
        *,
        seed: int,
        start: int = 0,
        labels: Tensor | None = None,
        truncation: float | None = None,
    ) -> Tensor:
        """Fakes ``start`` to ``start + count`` of the endless row of ``seed``: ``[count, C, H, W]`` in [-1, 1].

        labels: ``[count]`` classes for a conditional model; by default the classes take turns.
        truncation: leave out latents beyond this many standard deviations (normal latents only).
        """
        places = torch.arange(start, start + count, device=self.device)
        return self._fake(places, seed, self._in_turn(places) if labels is None else labels, truncation)

    def interpolate(self, rows: int, steps: int, *, seed: int) -> Tensor:
        """Walks between pairs of latents: ``[rows * steps, C, H, W]`` in [-1, 1], row after row."""
        ends = self.latent.at(seed, torch.arange(2 * rows, device=self.device)).view(rows, 2, -1)
        z = torch.cat([self.latent.between(start, end, steps) for start, end in ends])
        return self._generate(z, self._in_turn(torch.arange(rows, device=self.device).repeat_interleave(steps)))

    def _in_turn(self, places: Tensor) -> Tensor | None:
        if self.classes is None:
            return None
        return torch.tensor(self.classes, device=places.device)[places % len(self.classes)]

    def _fake(self, places: Tensor, seed: int, labels: Tensor | None, truncation: float | None = None) -> Tensor:
        z = self.latent.at(seed, places)
        return self._generate(z if truncation is None else self.latent.truncate(z, truncation), labels)

    def settle(self) -> None:
        """The averaged generator's BatchNorms follow its weights: by latents of their own, the same in every run."""
        if self.average is not None:
            self.average.settle(self._standing())

    def _standing(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Latents and classes for :data:`_PASSES` passes through the generator."""
        for step in range(_PASSES):
            moment = Moment(SCORE_SEED, step, device=self.device)
            places = torch.arange(_PASS, device=self.device) + step * _PASS
            yield self.latent.draw(moment, "standing statistics", _PASS).to(self.dtype), self._in_turn(places)

    @torch.no_grad()
    def _generate(self, z: Tensor, labels: Tensor | None) -> Tensor:
        self.settle()
        network = self.generator if self.average is None else self.average.network
        with evaluating(network):
            fake = network(z.to(self.dtype), labels)
        return torch.as_tensor(fake)


def _settled(model: GAN, prefix: str, keep_vars: bool) -> None:
    """torch's hook before a model's state is taken."""
    model.settle()
