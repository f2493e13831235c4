"""A run whose numbers have left the finite ones: how it is noticed, and what is said."""

from __future__ import annotations

import math

import torch
from pytorch_lightning import LightningModule, Trainer

from atelier.callback.recorder import Row, clock_of
from atelier.callback.trainer_parts import run_of
from atelier.callback.variants import configuration_of, helpful
from atelier.types import Diverged, Game


def bad_terms(row: Row) -> list[str]:
    """The names of a row's training terms that are no longer finite."""
    return [name for name, value in row.scalars.items() if row.kind == "train" and not math.isfinite(value)]


def diverged(trainer: Trainer, what: str) -> Diverged:
    """The error for a run in which ``what`` is no longer finite, with what is left and what to try."""
    last = run_of(trainer).last
    kept = f"the last good checkpoint is {last}" if last.exists() else "no checkpoint had been written yet"
    clock = clock_of(trainer)
    return Diverged(
        f"{what} is not finite any more (epoch {clock.epoch:.2f}, {clock.images_seen:,} images): "
        f"training stops, and {kept}. "
        f"What usually helps: {', or '.join(_calmer(trainer))}"
    )


def _calmer(trainer: Trainer) -> list[str]:
    """What may keep the numbers of a run like this one finite, without what it has already."""
    game = isinstance(trainer.lightning_module, Game)
    ways = ["smaller learning rates", "regularizer=r1"] if game else ["a smaller learning rate"]
    ways = helpful(configuration_of(run_of(trainer)), ways)
    if trainer.precision not in ("32-true", "64-true"):
        ways.append("trainer.precision=32-true")
    return ways


@torch.no_grad()
def finite(module: LightningModule) -> bool:
    """Whether all parameters are finite, in one synchronisation."""
    finite = [parameter.isfinite().all() for parameter in module.parameters()]
    return not finite or bool(torch.stack(finite).all())
