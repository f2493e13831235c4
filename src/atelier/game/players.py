"""The two optimizers of a game."""

from __future__ import annotations

from collections.abc import Iterable

from pytorch_lightning import LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch.optim import Optimizer


def players(table: LightningModule) -> tuple[LightningOptimizer, LightningOptimizer]:
    """The discriminator's optimizer and the generator's, in the order in which :func:`noted` was given them."""
    optimizers = table.optimizers()
    assert isinstance(optimizers, list)
    discriminator, generator = optimizers
    assert isinstance(discriminator, LightningOptimizer)
    assert isinstance(generator, LightningOptimizer)
    return discriminator, generator


def noted(optimizers: Iterable[Optimizer]) -> list[Optimizer]:
    """The optimizers with their learning rates written down as ``initial_lr``, which schedules multiply."""
    made = list(optimizers)
    for optimizer in made:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return made
