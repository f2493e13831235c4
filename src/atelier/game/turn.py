"""A player's turn: the others rest, the losses' terms are summed, the player's optimizer steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import reduce
from operator import add
from typing import Protocol

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import ParametrizationList
from torch.optim import Optimizer

from atelier.game.ledger import Ledger


class Table(Protocol):
    """What a turn asks of the LightningModule at which the game is played."""

    ledger: Ledger

    def manual_backward(self, loss: Tensor) -> None:
        """Backward through Lightning, so that precision plugins and DDP see it."""
        ...


class Descent:
    """Collects a player's losses: one :meth:`__call__` per part of the batch."""

    def __init__(self, table: Table, player: str, optimizer: LightningOptimizer | Optimizer) -> None:
        self._table, self._player, self._optimizer = table, player, optimizer
        self.begun = False

    def __call__(self, terms: Mapping[str, Tensor], share: float = 1.0) -> None:
        """Backward through the sum of the named scalars; what was summed is what is written down.

        share: the part of the batch that the terms are means over; the gradients of all parts then sum to the
            batch's.
        """
        loss = reduce(add, terms.values())
        if not self.begun:
            # Not before the networks have run: the new gradients then take the memory of the old ones at once.
            self._optimizer.zero_grad()
            self.begun = True
        self._table.manual_backward(loss if share == 1.0 else loss * share)
        named = {f"{self._player}/{name}": value for name, value in terms.items()}
        self._table.ledger.enter(named | {f"{self._player}/loss": loss}, share)


@contextmanager
def turn(
    table: Table, player: str, optimizer: LightningOptimizer | Optimizer, *, rests: Sequence[nn.Module]
) -> Iterator[Descent]:
    """One move of ``player``: the body descends from cleared gradients, the optimizer steps.

    Meanwhile the networks ``rests`` rest: their parameters ask for no gradients and their buffers stay as they are.
    Nothing of an interrupted body is applied.
    """
    with ExitStack() as others:
        for network in rests:
            others.enter_context(resting(network))
        descent = Descent(table, player, optimizer)
        yield descent
        assert descent.begun, f"{player} has not descended: its gradients are those of the last turn"
        optimizer.step()


@contextmanager
def resting(network: nn.Module) -> Iterator[None]:
    """``network`` computes as in training, but neither its parameters nor its buffers take part in learning.

    BatchNorm still normalises by the batch but leaves its running statistics alone, and spectral normalisation uses its
    last singular vectors without a power iteration: a player's buffers move in its own turn only.
    """
    modules = _modules(network)
    parameters = [p for m in modules for p in m._parameters.values() if p is not None and p.requires_grad]
    norms = [m for m in modules if isinstance(m, _BatchNorm) and m.track_running_stats and m.training]
    iterations = [m for m in modules if isinstance(m, ParametrizationList) and m.training]
    for parameter in parameters:
        parameter.requires_grad_(False)
    for norm in norms:
        norm.track_running_stats = False
    for iteration in iterations:
        iteration.eval()
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
        for norm in norms:
            norm.track_running_stats = True
        for iteration in iterations:
            iteration.train()


def _modules(network: nn.Module) -> list[nn.Module]:
    """``network`` and all within it; ``network.modules()`` makes their names as well, which takes ten times as long."""
    found = [network]
    for module in found:  # which grows meanwhile
        found += [inside for inside in module._modules.values() if inside is not None]
    return found


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """``network`` in evaluation mode, uncompiled and outside autocast; then in the mode that it was in.

    So pictures and scores that are made while a model trains in half precision are those of its checkpoint, and their
    sizes cost no compilation.
    """
    training = network.training
    device = next((parameter.device.type for parameter in network.parameters()), "cpu")
    network.eval()
    try:
        with torch.autocast(device, enabled=False), torch.compiler.set_stance("force_eager"):
            yield
    finally:
        network.train(training)
