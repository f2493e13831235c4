"""Learning rates that follow a schedule."""

from __future__ import annotations

from collections.abc import Iterable

from pytorch_lightning.core.optimizer import LightningOptimizer
from torch.optim import Optimizer


def noted(optimizers: Iterable[Optimizer]) -> list[Optimizer]:
    """The optimizers with their learning rates written down as ``initial_lr``, which schedules multiply."""
    made = list(optimizers)
    for optimizer in made:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return made


def scheduled(optimizers: Iterable[LightningOptimizer], factor: float) -> None:
    """Set every learning rate to ``factor`` times what :func:`noted` wrote down.

    What a schedule says is a function of the position alone, so that a resumed run needs no memory of it.
    """
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
