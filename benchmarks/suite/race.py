"""Atelier's steps and other contenders' in turns, without leaving Lightning's loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from suite.ours import Batch, losses_of
from suite.turns import Contender


class Plain(Protocol):
    """A loop that somebody wrote by hand."""

    optimizers: tuple[Optimizer, Optimizer]
    """The discriminator's and the generator's."""

    def step(self, batch: Any) -> Mapping[str, Any]:
        """One step; the losses under atelier's names."""
        ...


class Race(Callback):
    """Stands last among the callbacks: an atelier step lasts from the end of one turn to the beginning of the next.

    So it goes the whole way round Lightning's loop. Order: ours, theirs; theirs, ours; ours, theirs ... Rounds are
    pairs; the first is not counted.

    rivals: (model, before its first step) -> the other contenders; called once.
    rounds: pairs that count; no new one begins after ``most_seconds`` (three count in any case).
    block: steps of one turn.
    settle: waits until the device has done what it was given.
    """

    def __init__(
        self,
        rivals: Callable[[LightningModule], Mapping[str, Contender]],
        rounds: int,
        settle: Callable[[], None],
        *,
        block: int = 1,
        most_seconds: float = math.inf,
    ) -> None:
        self._make, self._rounds, self._settle = rivals, rounds, settle
        self._block, self._most_seconds = block, most_seconds
        self.seconds: dict[str, list[float]] = {"atelier": []}
        self._steps = self._turns = 0
        self._since = self._began = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The rivals are made."""
        self._contenders = dict(self._make(pl_module))
        self.seconds |= {name: [] for name in self._contenders}
        self._settle()
        self._began = self._since = time.perf_counter()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """At the end of a turn: the rivals have theirs, every other time twice."""
        self._steps += 1
        if self._steps % self._block:
            return
        self._settle()
        self.seconds["atelier"].append((time.perf_counter() - self._since) / self._block)
        if self._turns % 2 == 0:
            last = self._turns >= self._rounds  # no turn of ours would come after a second one of theirs
            for name in [*self._contenders, *(() if last else reversed(self._contenders))]:
                self.seconds[name].append(self._contenders[name](self._block) / self._block)
        self._turns += 1
        trainer.should_stop = self._enough()
        self._since = time.perf_counter()

    def _enough(self) -> bool:
        late = time.perf_counter() - self._began > self._most_seconds
        return self._turns > (min(3, self._rounds) if late else self._rounds)

    def counted(self) -> dict[str, list[float]]:
        """Seconds of a step of every contender, round by round, without the first."""
        whole = min(map(len, self.seconds.values()))
        return {name: seconds[1:whole] for name, seconds in self.seconds.items()}


class FirstStep(Callback):
    """One step of atelier beside the same step of plain loops, on the same weights and the same batch.

    plain: name -> model -> loop.
    """

    def __init__(self, plain: Mapping[str, Callable[[Any], Plain]]) -> None:
        self._plain = plain

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        """The plain loops go first: they begin with copies of the weights."""
        loops = {name: make(pl_module) for name, make in self._plain.items()}
        self._gradients = {name: _gradients_of(loop.optimizers) for name, loop in loops.items()}
        self._losses = {name: {k: float(v) for k, v in loop.step(batch).items()} for name, loop in loops.items()}
        discriminators, generators = trainer.optimizers
        self._our_gradients = _gradients_of((discriminators, generators))

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Read what atelier's step came to, and end."""
        self._our_losses = losses_of(pl_module)
        trainer.should_stop = True

    def losses_apart(self, name: str) -> float:
        """The largest relative difference between our losses and a plain loop's."""
        losses = self._losses[name].items()
        return max(abs(self._our_losses[loss] - value) / max(abs(value), 1e-12) for loss, value in losses)

    def gradients_apart(self, name: str, *, of: str | None = None) -> float:
        """‖g - g'‖ / ‖g'‖ of our gradient (or of another loop's) and a plain loop's, each one vector of float64."""
        mine = self._our_gradients if of is None else self._gradients[of]
        return apart(mine, self._gradients[name])


def _gradients_of(optimizers: tuple[Optimizer, Optimizer]) -> list[list[torch.Tensor]]:
    """Fills itself with copies of the gradients, the discriminator's first, when the optimizers step."""
    seen: list[list[torch.Tensor]] = [[], []]

    for optimizer, place in zip(optimizers, seen, strict=True):
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]

        def keep(*_: Any, parameters: Any = parameters, place: Any = place) -> None:
            place[:] = [parameter.grad.detach().cpu().double().clone() for parameter in parameters]

        optimizer.register_step_pre_hook(keep)
    return seen


def apart(these: list[list[torch.Tensor]], those: list[list[torch.Tensor]]) -> float:
    """‖these - those‖ / ‖those‖ for the player for which it is larger, each player's gradient one vector."""
    shares = []
    for mine, other in zip(these, those, strict=True):
        pairs = list(zip(mine, other, strict=True))
        distance = sum(float((g.flatten() - h.flatten()).square().sum()) for g, h in pairs)
        shares.append(math.sqrt(distance / sum(float(h.square().sum()) for _, h in pairs)))
    return max(shares)
