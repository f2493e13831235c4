"""What all games of generators against critics share: whose optimizer is whose, and where the game stands."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import nn
from torch.optim import Optimizer

from atelier.game.critic import Critic
from atelier.game.learning_rate import noted, scheduled
from atelier.game.ledger import Ledger
from atelier.game.schedule import Schedule
from atelier.moment import Moment
from atelier.types import ImageBatch, Mistake, UnpairedBatch

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class Players(NamedTuple):
    """The two sides of a game, each of which has one optimizer."""

    discriminator: Sequence[Critic]
    generator: Sequence[nn.Module]


class TwoPlayers(LightningModule, ABC):
    """A game of two players, each of which moves in turns of its own; a family adds the networks and the round.

    generator_optimizer, discriminator_optimizer: parameters -> the optimizer of a player's networks.
    schedule: factor of both learning rates over the epochs.
    clip: largest norm of a player's gradient in a turn, or None.
    seed: of every draw that training makes.
    """

    def __init__(
        self,
        *,
        generator_optimizer: MakeOptimizer,
        discriminator_optimizer: MakeOptimizer,
        schedule: Schedule,
        clip: float | None,
        seed: int,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        if clip is not None and clip <= 0:
            raise Mistake(f"model.clip={clip}: a gradient's norm is above 0; null turns clipping off")
        self._make_optimizers = (discriminator_optimizer, generator_optimizer)
        self.schedule, self.clip, self.seed = schedule, clip, seed
        self.ledger = Ledger()

    @property
    @abstractmethod
    def players(self) -> Players:
        """The networks of either side, in the order of their parameters in its optimizer."""

    def moment(self, batch: ImageBatch | UnpairedBatch, batch_idx: int) -> Moment:
        """Where the game stands at this batch, from which all of its chance is drawn."""
        # By batches trained on, as turns and lazy penalties are: batch.step counts what limit_train_batches leaves out.
        an_epoch = self.trainer.num_training_batches
        step = self.trainer.current_epoch * int(an_epoch) + batch_idx if math.isfinite(an_epoch) else batch.step
        return Moment(self.seed, step, batch.epoch, self.global_rank, self.trainer.world_size, batch.device)

    def player_optimizers(self) -> tuple[LightningOptimizer, LightningOptimizer]:
        """The discriminator's optimizer and the generator's."""
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        discriminator, generator = optimizers
        assert isinstance(discriminator, LightningOptimizer)
        assert isinstance(generator, LightningOptimizer)
        return discriminator, generator

    def compile_networks(self, **options: Any) -> None:
        """Compile every network in place (``options`` as for :func:`torch.compile`); their names stay."""
        critics, generators = self.players
        for network in (*generators, *(critic.network for critic in critics)):
            network.compile(**options)

    # --- Lightning's hooks -------------------------------------------------------------------------------------------

    def configure_optimizers(self) -> list[Optimizer]:
        """One optimizer per player: the discriminator's, then the generator's."""
        return noted(
            make(list(chain.from_iterable(network.parameters() for network in side)))
            for make, side in zip(self._make_optimizers, self.players, strict=True)
        )

    def on_train_batch_start(self, batch: ImageBatch | UnpairedBatch, batch_idx: int) -> None:
        """Set what the schedule says."""
        scheduled(self.player_optimizers(), self.schedule(batch.epoch))

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Scale the gradient of a turn down to the norm ``clip`` where it is larger.

        By now Lightning has unscaled it (under float16). Its own clipping refuses fused optimizers under bfloat16 too,
        where nothing is scaled.
        """
        if self.clip is not None:
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, self.clip)
