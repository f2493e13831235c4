"""Options of Lightning's trainer that a run leads by other words, or cannot heed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omegaconf import DictConfig

from atelier.config.signature import shown

_OURS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "overfit_batches": (bool, "the order of images is the run's own; data.subset=64 trains on 64 of them"),
    "fast_dev_run": (
        bool,
        "trainer.max_epochs=1 trainer.limit_train_batches=2 trainer.limit_val_batches=1 tries a run out",
    ),
    "max_steps": (
        lambda value: value not in (None, -1),
        "it counts the steps of each optimizer; trainer.max_epochs, trainer.limit_train_batches or trainer.max_time "
        "say how long a run is",
    ),
    "barebones": (
        bool,
        "a run keeps scores, pictures and checkpoints; callback.gallery=null leaves one of them out",
    ),
    "enable_checkpointing": (lambda value: value is False, "callback.checkpoints=null keeps none"),
    "logger": (lambda value: value is not None, "loggers are chosen by logger=, as in logger=[csv,tensorboard]"),
    "callbacks": (lambda value: value is not None, "callbacks are chosen by callback=, and set by callback.<name>"),
    "default_root_dir": (lambda value: value is not None, "a run's folder is chosen by hydra.run.dir=<folder>"),
}
"""Name: which values mean something, and what to say in their place."""


def misplaced(cfg: DictConfig) -> list[str]:
    """What is asked of the trainer that it would refuse after the run has begun, or that nothing would come of."""
    found = [
        f"trainer.{name}={shown(cfg.trainer[name])}: {instead}"
        for name, (means, instead) in _OURS.items()
        if name in cfg.trainer and means(cfg.trainer[name])
    ]
    return found + _of_two_players(cfg)


def _of_two_players(cfg: DictConfig) -> list[str]:
    """What Lightning does by itself for one optimizer alone."""
    if cfg.model.get("discriminator_optimizer") is None:
        return []
    found = []
    if (clip := cfg.trainer.get("gradient_clip_val")) is not None:
        found.append(f"trainer.gradient_clip_val={clip}: a game has two optimizers; model.clip={clip} bounds both")
    if (parts := cfg.trainer.get("accumulate_grad_batches", 1)) != 1:
        way = f"; model.parts={parts} cuts each batch into as many" if "parts" in cfg.model else ""
        found.append(f"trainer.accumulate_grad_batches={parts}: a game has two optimizers{way}")
    return found
