"""What Lightning, callbacks and logging add to a hand-written loop of the same recipe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import LightningModule

from atelier.config.build import build
from suite.games import same_latents
from suite.machine import settling
from suite.ours import configured, fit, fit_as_run
from suite.plain_recipe import Drawn, PlainRecipe
from suite.race import FirstStep, Race
from suite.turns import Contender, timed

GAMES = {
    "first_run": ("experiment=dcgan_digits",),
    # Two networks whose arithmetic costs next to nothing.
    "machinery": (
        "model=gan",
        "data=digits",
        "data.batch_size=4",
        "model.generator.width=8",
        "model.critic.network.width=8",
    ),
}


class _SameChance:
    """An augmentation whose chance is always the same, whatever the kind of numbers that torch would draw."""

    epoch = 0.0

    def __init__(self, augment: Callable[..., torch.Tensor]) -> None:
        self.augment = augment
        self._drawn: dict[tuple[int, ...], torch.Tensor] = {}

    def __call__(self, images: torch.Tensor, moment: object) -> torch.Tensor:
        """The augmented images."""
        return self.augment(images, self)

    def uniform(self, purpose: str, *shape: int) -> torch.Tensor:
        """Uniform numbers in [0, 1), the same at every call."""
        return self._drawn.setdefault(shape, torch.rand(shape, dtype=torch.float32))


def same_game(name: str) -> str:
    """Losses and gradients of the first step in float64, on the processor; raises ValueError where they differ."""
    cfg = configured([*GAMES[name], "trainer.precision=64-true"])
    given: dict[str, Any] = {}

    def prepare(model: Any) -> None:
        model.critic.augment = _SameChance(model.critic.augment)
        given.update(same_latents(model, cfg.data.batch_size))

    step = FirstStep({"plain": lambda model: PlainRecipe(model, torch.float64, _penalty(cfg), **given)})
    fit(cfg, build(cfg.data), step, prepare)
    loss, gradient = step.losses_apart("plain"), step.gradients_apart("plain")
    if max(loss, gradient) > 1e-9:
        raise ValueError(f"float64: losses {loss:.1e}, gradients {gradient:.1e} apart from the plain loop's")
    return f"float64 losses {loss:.0e}, gradients {gradient:.0e} apart"


def race(name: str, device: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of a step of both, in blocks of 50 so that every block holds a logged row."""

    settle, cfg = settling(device), configured(GAMES[name], device)

    def rivals(model: LightningModule) -> dict[str, Contender]:
        images = model.trainer.datamodule.split("train").images  # type: ignore[attr-defined]  # set by a connector
        drawn = Drawn(images, model.trainer.datamodule.batch_size, model.device)  # type: ignore[attr-defined]  # the same
        loop = PlainRecipe(model, torch.float32, _penalty(cfg))
        return {"plain": timed(partial(_step, loop, drawn), settle)}

    watcher = Race(rivals, rounds, settle, block=50)
    fit_as_run(cfg, watcher)
    return watcher.counted()


def _penalty(cfg: DictConfig) -> tuple[float, int]:
    """Weight and interval of the recipe's R1."""
    return cfg.regularizer.get("gamma", 0.0), cfg.regularizer.get("interval", 1)


def _step(loop: PlainRecipe, drawn: Drawn) -> None:
    loop.step(drawn())
