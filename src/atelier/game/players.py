"""The optimizers of a game, their learning rates, and the norms of their gradients."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch.optim import Optimizer

from atelier.types import Mistake


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


def scheduled(optimizers: Iterable[LightningOptimizer], factor: float) -> None:
    """Set every learning rate to ``factor`` times what :func:`noted` wrote down.

    What a schedule says is a function of the position alone, so that a resumed run needs no memory of it.
    """
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor


def refuse_norm(clip: float | None) -> None:
    """Raise Mistake for a largest norm that no gradient could have."""
    if clip is not None and clip <= 0:
        raise Mistake(f"model.clip={clip}: a gradient's norm is above 0; null turns clipping off")


def clipped(optimizer: Optimizer, clip: float | None) -> None:
    """Scale the gradient of a turn down to the norm ``clip`` where it is larger; None leaves it as it is.

    To be called from ``on_before_optimizer_step``: by then Lightning has unscaled the gradients (under float16). Its
    own clipping refuses fused optimizers under bfloat16 too, where nothing is scaled.
    """
    if clip is not None:
        gradients = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        torch.nn.utils.clip_grad_norm_(gradients, clip)
