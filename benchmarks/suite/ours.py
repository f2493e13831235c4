"""Atelier's contender: a configuration from words, and its model in Lightning's loop with a watcher beside it."""

from __future__ import annotations

import io
import itertools
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, open_dict
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer, seed_everything
from rich.console import Console
from torch.utils.data import DataLoader, IterableDataset

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.clock import Clock
from atelier.callback.journal import Journal
from atelier.callback.progress import ProgressLine
from atelier.config.build import build
from atelier.config.compose import compose
from atelier.config.environment import register_resolvers
from atelier.config.words import conf_dir
from atelier.task.compiling import compile_networks
from atelier.task.driver_checks import spare_driver_checks
from atelier.task.freed_memory import keep_freed_memory
from atelier.task.step_overhead import spare_step
from atelier.types import ImageBatch, UnpairedBatch

Batch = ImageBatch | UnpairedBatch
MakeBatch = Callable[[int], Batch]

_TRAINERS = {"cpu": "cpu", "cuda": "gpu", "mps": "mps"}
_AFTERWARDS = ("report", "summary", "gallery", "checkpoints")
"""Callbacks that work between epochs and at a run's end, which is no part of a step."""


def configured(words: Sequence[str], device: str = "cpu") -> DictConfig:
    """The configuration that ``words`` make of train.yaml, on ``device``; epochs without end.

    Raises ValueError where it knows no such words.
    """
    register_resolvers()
    cfg, mistakes = compose(conf_dir(), "train", [*words, f"trainer={_TRAINERS[device]}", "trainer.max_epochs=1000000"])
    if cfg is None or mistakes:
        raise ValueError("; ".join(mistakes))
    return cfg


def understood(words: Sequence[str]) -> bool:
    """Whether train.yaml knows the words."""
    register_resolvers()
    cfg, mistakes = compose(conf_dir(), "train", words)
    return cfg is not None and not mistakes


class Endless(IterableDataset[Batch]):
    """Eight batches of noise over and over, each with the step that it is asked for at."""

    def __init__(self, make: MakeBatch) -> None:
        self._made = [make(seed) for seed in range(8)]

    def __iter__(self) -> Iterator[Batch]:
        for step in itertools.count():
            yield self._made[step % len(self._made)]._replace(step=step)


def on(batch: Batch, device: torch.device) -> Batch:
    """The batch with its tensors on ``device``, as people move theirs."""
    moved = {name: value.to(device) for name, value in batch._asdict().items() if isinstance(value, torch.Tensor)}
    return batch._replace(**moved)


def fit(
    cfg: DictConfig,
    data: Endless | LightningDataModule,
    watcher: Callback,
    prepare: Callable[[LightningModule], object] = lambda model: None,
) -> None:
    """Train until ``watcher`` has seen enough, with clock, ledger and metrics.csv.

    prepare: what is done to the model before the first step.
    """
    observers = [Clock(), Bookkeeping(every_n_steps=50)]
    loader = DataLoader(data, batch_size=None) if isinstance(data, Endless) else data
    with tempfile.TemporaryDirectory() as folder:
        _fit(cfg, loader, [*observers, watcher], folder, prepare)


def fit_as_run(cfg: DictConfig, watcher: Callback) -> None:
    """Train as ``src/train.py`` does, with the configured callbacks and a moving bar, without validations."""
    with tempfile.TemporaryDirectory() as folder, open_dict(cfg):
        cfg.run_dir = folder
        cfg.trainer.check_val_every_n_epoch = 1_000_000
        observers = [build(node) for name, node in cfg.callback.items() if node is not None and name not in _AFTERWARDS]
        for observer in observers:
            if isinstance(observer, ProgressLine):
                observer.console = Console(file=io.StringIO(), force_terminal=True, width=120)
        _fit(cfg, build(cfg.data), [*observers, watcher], folder)


def _fit(
    cfg: DictConfig,
    data: Any,
    callbacks: Sequence[Callback],
    folder: str,
    prepare: Callable[[LightningModule], object] = lambda model: None,
) -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    seed_everything(cfg.seed, verbose=False)
    trainer: Trainer = build(cfg.trainer)(
        callbacks=list(callbacks), logger=[Journal(Path(folder))], default_root_dir=folder, limit_val_batches=0
    )
    model = build(cfg.model)
    prepare(model)
    compile_networks(cfg, model)
    if trainer.strategy.root_device.type == "cpu":  # as a run does
        keep_freed_memory()
    spare_driver_checks()
    spare_step(trainer, model)
    trainer.fit(model, data)


def losses_of(model: Any) -> Mapping[str, float]:
    """The means of the terms since the ledger was last closed, in their full precision."""
    return {name: float(total) / count for name, (total, count) in model.ledger.state_dict().items()}
