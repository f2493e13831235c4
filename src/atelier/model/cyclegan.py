"""Translation between two domains without pairs."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from atelier.direction import DIRECTIONS, round_trip
from atelier.game.average import Average
from atelier.game.critic import Critic, Judgement
from atelier.game.pool import ImagePool
from atelier.game.schedule import Schedule
from atelier.game.turn import evaluating, turn
from atelier.game.two_players import MakeOptimizer, Players, TwoPlayers
from atelier.types import Direction, Domain, ImageBatch, Mistake, Translated, UnpairedBatch

log = logging.getLogger(__name__)


class CycleGAN(TwoPlayers):
    """Cycle-consistent adversarial networks (Zhu et al. 2017), after the public PyTorch implementation's recipe.

    Two generators translate between domains a and b; each domain has a critic that tells its images from translations
    into it. In the paper's letters ``a_to_b`` is G, ``b_to_a`` is F, ``critic_a`` is D_X and ``critic_b`` is D_Y.

    a_to_b, b_to_a: ``[B, C, H, W]`` -> the same height and width with the other domain's channels, both in [-1, 1].
    critic_a, critic_b: the judges of the two domains.
    pool_a, pool_b: earlier fakes of each domain, for its critic.
    lambda_a, lambda_b: weights of the cycles a -> b -> a and b -> a -> b.
    identity: weight of the identity loss (section 5.2) as a share of ``lambda_a`` and ``lambda_b``; 0 does without, and
        must where the domains differ in channels.
    initialize: sets the first weights of every network.
    generator_optimizer, discriminator_optimizer: parameters -> the optimizer of both generators, of both critics.
    schedule: factor of both learning rates over the epochs.
    ema: network -> its moving average, or None; the averaged generators are the ones that are scored and used.
    clip: largest norm of a turn's gradient, or None.
    seed: of every draw that training makes.
    """

    def __init__(
        self,
        *,
        a_to_b: nn.Module,
        b_to_a: nn.Module,
        critic_a: Critic,
        critic_b: Critic,
        pool_a: ImagePool,
        pool_b: ImagePool,
        lambda_a: float,
        lambda_b: float,
        identity: float,
        initialize: Callable[[nn.Module], None],
        generator_optimizer: MakeOptimizer,
        discriminator_optimizer: MakeOptimizer,
        schedule: Schedule,
        seed: int,
        ema: Callable[[nn.Module], Average] | None = None,
        clip: float | None = None,
    ) -> None:
        super().__init__(
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            schedule=schedule,
            clip=clip,
            seed=seed,
        )
        for name, value in (("lambda_a", lambda_a), ("lambda_b", lambda_b), ("identity", identity)):
            if not 0 <= value < math.inf:
                raise Mistake(f"model.{name}={value}: a weight is a number from 0 (without this loss) upwards")
        self.a_to_b, self.b_to_a = a_to_b, b_to_a
        self.critic_a, self.critic_b = critic_a, critic_b
        self.pool_a, self.pool_b = pool_a, pool_b
        for network in (a_to_b, b_to_a, critic_a, critic_b):
            initialize(network)
        generators = {"a_to_b": a_to_b, "b_to_a": b_to_a}
        self.average = None if ema is None else nn.ModuleDict({name: ema(net) for name, net in generators.items()})
        self.lambda_a, self.lambda_b, self.identity = lambda_a, lambda_b, identity
        self._mixes = any(isinstance(part, _BatchNorm) for net in generators.values() for part in net.modules())

    @property
    def players(self) -> Players:
        """Both critics together are one player, both generators the other."""
        return Players([self.critic_a, self.critic_b], [self.a_to_b, self.b_to_a])

    # --- the game ---------------------------------------------------------------------------------------------------

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        """One round: both generators descend the full objective (eq. 3), then both critics meet the pools' fakes."""
        a, b = batch.a.to(self.dtype), batch.b.to(self.dtype)
        d_optimizer, g_optimizer = self.player_optimizers()
        moment = self.moment(batch, batch_idx)

        with turn(self, "g", g_optimizer, rests=[self.critic_a, self.critic_b]) as descend:
            fake_b, identity_b = self._with_identity(self.a_to_b, a, b)
            fake_a, identity_a = self._with_identity(self.b_to_a, b, a)
            chance = moment.within("g")
            terms = {
                "adversarial_a_to_b": self.critic_b.persuade(fake_b, b, chance.within("b"))["adversarial"],
                "adversarial_b_to_a": self.critic_a.persuade(fake_a, a, chance.within("a"))["adversarial"],
                "cycle_a": self.lambda_a * F.l1_loss(self.b_to_a(fake_b), a),
                "cycle_b": self.lambda_b * F.l1_loss(self.a_to_b(fake_a), b),
            }
            if identity_a is not None and identity_b is not None:
                terms["identity_a"] = self.lambda_a * self.identity * F.l1_loss(identity_a, a)
                terms["identity_b"] = self.lambda_b * self.identity * F.l1_loss(identity_b, b)
            descend(terms)

        with turn(self, "d", d_optimizer, rests=[self.a_to_b, self.b_to_a]) as descend:
            chance = moment.within("d")
            shown_a = self.pool_a.swap(fake_a, chance.within("pool_a"))
            shown_b = self.pool_b.swap(fake_b, chance.within("pool_b"))
            verdict_a = self.critic_a.judge(a, shown_a, chance.within("a"))
            verdict_b = self.critic_b.judge(b, shown_b, chance.within("b"))
            descend(_of("a", verdict_a.terms) | _of("b", verdict_b.terms))
            self._enter_signs(verdict_a, verdict_b)

        if self.average is not None:
            for name in DIRECTIONS:
                self._average(name).update(getattr(self, name), moment.epoch)

    def _with_identity(self, generator: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """The translation of ``source``, and ``target`` through the same generator where the identity loss wants it.

        Both go through in one pass where no normalisation mixes the images of a batch.
        """
        if not self.identity:
            return generator(source), None
        if self._mixes or source.shape[1:] != target.shape[1:]:
            return generator(source), generator(target)
        fake, same = generator(torch.cat([source, target])).split([len(source), len(target)])
        return fake, same

    def _enter_signs(self, a: Judgement, b: Judgement) -> None:
        for domain, verdict in (("a", a), ("b", b)):
            for name, value in verdict.signs.items():
                player, _, sign = name.rpartition("/")
                self.ledger.enter({f"{player}/{domain}/{sign}" if player else f"{sign}_{domain}": value})

    # --- the pools in a checkpoint ----------------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the key ``pools``: for every rank, the stored images of both domains."""
        mine: dict[str, list[Tensor]] = {
            domain: [image.cpu() for image in pool.images] for domain, pool in self._pools().items()
        }
        pools = [mine]
        if self._trainer is not None and self.trainer.world_size > 1:
            pools = [{} for _ in range(self.trainer.world_size)]
            torch.distributed.all_gather_object(pools, mine)
        checkpoint["pools"] = pools

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with this rank's stored images; with another number of ranks the pools begin empty."""
        if self._trainer is None or "pools" not in checkpoint:  # opened for use, not for training
            return
        pools = checkpoint["pools"]
        if len(pools) != self.trainer.world_size:
            log.warning(
                "the checkpoint's image pools are those of %d devices, and there are %d: beginning with empty pools",
                len(pools),
                self.trainer.world_size,
            )
            return
        for domain, pool in self._pools().items():
            pool.fill(pools[self.global_rank][domain], self.device)

    def _pools(self) -> dict[Domain, ImagePool]:
        return {"a": self.pool_a, "b": self.pool_b}

    # --- what others may ask ----------------------------------------------------------------------------------------

    # Lightning would have a loss or a mapping here; what a callback gets is whatever is returned.
    def validation_step(  # type: ignore[override]
        self, batch: ImageBatch, batch_idx: int, dataloader_idx: int = 0
    ) -> Translated:
        """Images of domain a (loader 0) or b (loader 1): translated, translated back, and left alone."""
        return round_trip(self, batch.images, batch.indices, DIRECTIONS[dataloader_idx])

    @torch.no_grad()
    def translate(self, images: Tensor, direction: Direction) -> Tensor:
        """Images ``[B, C, H, W]`` in [-1, 1] of the first domain as images of the second, of the same sides.

        The number of channels is the second domain's.
        """
        if direction not in DIRECTIONS:
            raise Mistake(f"direction={direction}: there are {' and '.join(DIRECTIONS)}")
        network = getattr(self, direction) if self.average is None else self._average(direction).network
        with evaluating(network):
            fake = network(images.to(self.dtype))
        return torch.as_tensor(fake)

    def _average(self, direction: Direction) -> Average:
        assert self.average is not None
        average = self.average[direction]
        assert isinstance(average, Average)
        return average


def _of(domain: Domain, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{domain}/{name}": value for name, value in terms.items()}
