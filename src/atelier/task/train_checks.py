"""All that would stop a training run, found before it has a folder."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import Trainer

from atelier.config.build import build
from atelier.config.dry_run import dry_run, quiet
from atelier.config.signature import shown
from atelier.metric.extractor import Extractor
from atelier.task.auto_batch import impossible
from atelier.task.collect_mistakes import heard
from atelier.task.compiling import uncompilable
from atelier.task.data_parallel import data_parallel_mistakes
from atelier.task.gradient_checkpointing import gradient_checkpointing_mistakes
from atelier.task.init_from import check_compatible, check_source
from atelier.task.lenient_loggers import missing
from atelier.task.precision import settle, unsuitable
from atelier.task.resume import checkpoint, obstacles
from atelier.task.scorable import too_few, unscorable, validated, validates
from atelier.task.trainer_options import misplaced


def preflight(cfg: DictConfig) -> list[str]:
    """All that would stop the run, found before it has a folder; downloads and caches of the data are made here."""
    settle(cfg)
    mistakes, trainer = _refused(cfg), None
    if not mistakes:
        with quiet():
            trainer = build(cfg.trainer)(logger=False)
        mistakes += [*unsuitable(cfg, trainer), *data_parallel_mistakes(cfg, trainer), *impossible(cfg, trainer)]
        mistakes += [*uncompilable(cfg), *gradient_checkpointing_mistakes(cfg)]
    mistakes += _unusable(cfg)
    new = checkpoint(cfg) is None
    if cfg.init_from is not None and new and not mistakes:
        with torch.device("meta"):
            model = build(cfg.model)
        mistakes += heard([lambda: check_compatible(cfg.init_from, model)])
    if not mistakes and not new:
        mistakes += obstacles(cfg)
    return mistakes if mistakes or trainer is None else _unprepared(cfg, trainer)


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    settle(cfg)
    return [*_refused(cfg), *_unusable(cfg)]


def _refused(cfg: DictConfig) -> list[str]:
    """Values with which parts cannot be built, or the trainer not be had."""
    mistakes = [*dry_run(cfg), *missing(cfg), *misplaced(cfg)]
    epochs = cfg.trainer.max_epochs
    if epochs is None or (type(epochs) is int and epochs < 1):  # what is no number, the trainer itself refuses
        mistakes.append(f"trainer.max_epochs={shown(epochs)}: train for at least one epoch")
    if isinstance(cfg.seed, int) and not 0 <= cfg.seed < 2**32:  # numpy's range, which torch's includes
        mistakes.append(f"seed={cfg.seed}: a whole number from 0 to {2**32 - 1}")
    return mistakes


def _unusable(cfg: DictConfig) -> list[str]:
    """Values that a run could begin with, and come to nothing."""
    mistakes = []
    if cfg.callback.get("clock") is None:
        mistakes.append("callback.clock is missing: the other callbacks read the run's position from it")
    mistakes += _ill_timed(cfg)
    if cfg.trainer.get("limit_train_batches") == 0:
        mistakes.append("trainer.limit_train_batches=0: train on at least one batch of an epoch")
    if cfg.init_from is not None and checkpoint(cfg) is None:
        mistakes += heard([lambda: check_source(cfg.init_from)], prefix="init_from=")
    return mistakes


def _ill_timed(cfg: DictConfig) -> list[str]:
    """What is wrong with the interval of validations, by the first name that it goes by."""
    never = "1 or more; to validate never, trainer.limit_val_batches=0"
    every, interval = cfg.get("validate_every", 1), cfg.trainer.get("check_val_every_n_epoch")
    if every is None or every < 1:
        return [f"validate_every={'null' if every is None else every}: {never}"]
    if isinstance(interval, int) and interval < 1:  # null leaves it to trainer.val_check_interval
        return [f"trainer.check_val_every_n_epoch={interval}: {never}"]
    return []


def _unprepared(cfg: DictConfig, trainer: Trainer) -> list[str]:
    """Why data or extractor cannot be had, or do not go together; each is built and loaded once."""
    data, extractor = cache(lambda: _data(cfg)), cache(lambda: _prepared(cfg))
    mistakes = heard([data, extractor])
    if mistakes or (ready := extractor()) is None:
        return mistakes
    # A run that never validates has no scores to take.
    scores = {str(name): build(node) for name, node in cfg.metric.items() if node is not None and validates(trainer)}
    split, made = cfg.data.eval_split, partial(validated, trainer, cfg.data.eval_batch_size)
    limit = cfg.trainer.get("limit_val_batches")
    typed = f"data.eval_split={split}" if limit is None else f"trainer.limit_val_batches={limit}"
    return unscorable(ready, scores, data(), split) + [
        f"{typed}: {said}; validate on more images, or leave this score out by metric.{name}=null"
        for name, said in too_few(ready, scores, data(), split, made).items()
    ]


def _data(cfg: DictConfig) -> Any:
    data = build(cfg.data)
    data.prepare_data()
    return data


def _prepared(cfg: DictConfig) -> Extractor | None:
    """The extractor with its weights, or None in a run without scores."""
    if cfg.callback.get("scoreboard") is None:
        return None
    extractor: Extractor = build(cfg.extractor)
    extractor.prepare()
    return extractor
