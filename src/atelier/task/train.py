"""Training: from a checked configuration to a run's folder."""

from __future__ import annotations

import logging
import os
import warnings
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything

from atelier.callback.atomic import AtomicCheckpointIO
from atelier.callback.broadcast_buffers import BroadcastBuffers
from atelier.callback.folder_guard import FolderGuard
from atelier.callback.global_seed import GlobalSeed
from atelier.callback.preemption import Preemption
from atelier.callback.pruning import Pruning
from atelier.callback.recorder import board_of
from atelier.callback.resumption import Resumption
from atelier.callback.summary import resume_command
from atelier.callback.sweep_parent import prunes, verdict
from atelier.checkpoint import Passport
from atelier.config.build import build
from atelier.config.dry_run import dry_run, quiet
from atelier.config.signature import shown
from atelier.counted import counted
from atelier.metric.extractor import Extractor
from atelier.network.shared_norm import SharedBatchNorms
from atelier.task.auto_batch import impossible, shrink
from atelier.task.collect_mistakes import heard
from atelier.task.compiling import compile_networks, uncompilable
from atelier.task.data_parallel import data_parallel_mistakes
from atelier.task.driver_checks import spare_driver_checks
from atelier.task.extractor_weights import keep_weights
from atelier.task.failures import explain_failures
from atelier.task.freed_memory import keep_freed_memory
from atelier.task.gradient_checkpointing import enable_gradient_checkpointing, gradient_checkpointing_mistakes
from atelier.task.init_from import check_compatible, check_source, load_initial_weights
from atelier.task.lenient_loggers import missing
from atelier.task.lock import claimed, is_first
from atelier.task.loggers import introduce, opened
from atelier.task.precision import multiplying, settle, unsuitable
from atelier.task.ranks import leading
from atelier.task.resume import checkpoint, keep, obstacles, plain, record, retuned, steps
from atelier.task.scorable import too_few, unscorable, validated, validates
from atelier.task.step_overhead import spare_step
from atelier.task.trainer_options import misplaced

log = logging.getLogger(__name__)


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


def run(cfg: DictConfig) -> float | None:
    """Train, and return the best value of the first score (for sweeps)."""
    settle(cfg)
    folder, stored = Path(cfg.run_dir), checkpoint(cfg)
    with claimed(folder, new=stored is None), multiplying(cfg.get("tf32")):
        if cfg.get("auto_batch") and stored is None:
            shrink(cfg)
        _write_down(cfg)
        _calm()
        spare_driver_checks()
        seed_everything(cfg.seed, workers=True, verbose=False)
        data, model = build(cfg.data), build(cfg.model)
        assert isinstance(model, LightningModule)
        if cfg.init_from is not None and stored is None:
            load_initial_weights(cfg.init_from, model)
            log.info("starting from the weights of %s", cfg.init_from)
        enable_gradient_checkpointing(cfg, model)
        compile_networks(cfg, model)
        with opened(cfg, folder, step=None if stored is None else steps(cfg)) as loggers:
            trainer: Trainer = build(cfg.trainer)(
                callbacks=_callbacks(cfg),
                logger=loggers,
                default_root_dir=str(folder),
                plugins=_plugins(cfg),
            )
            if trainer.limit_val_batches and not validates(trainer):
                every = f"trainer.check_val_every_n_epoch={trainer.check_val_every_n_epoch}"
                log.warning("no score: %s, and the run has %s", every, counted(trainer.max_epochs or 0, "epoch"))
            spare_step(trainer, model)
            if trainer.strategy.root_device.type == "cpu":
                keep_freed_memory()
            introduce(loggers, trainer, cfg)
            with explain_failures(cfg, trainer), leading(cfg, trainer):
                trainer.fit(model, data, ckpt_path=stored, weights_only=True)
    board = board_of(trainer)
    standing = board and board.history.standing(board.history.primary)
    return standing.best if standing else None


def _callbacks(cfg: DictConfig) -> list[Callback]:
    """The configured ones between those that every run has."""
    first: list[Callback] = [FolderGuard(Path(cfg.run_dir))]
    first += [] if checkpoint(cfg) is None else [Resumption(retuned(cfg))]
    first += [GlobalSeed(cfg.seed), BroadcastBuffers()]
    chosen = [build(node) for node in cfg.callback.values() if node is not None]
    last = [*([Pruning(verdict)] if prunes() else []), Passport(plain(cfg))]
    return [*first, *chosen, *last, Preemption(resume_command(Path(cfg.run_dir)))]


def _plugins(cfg: DictConfig) -> list[Any]:
    """What stands in the place of Lightning's own ways."""
    return [AtomicCheckpointIO(), *([SharedBatchNorms()] if cfg.trainer.get("sync_batchnorm") else [])]


def _write_down(cfg: DictConfig) -> None:
    """What the run is made of, by the first of its processes."""
    if not is_first():
        return
    if checkpoint(cfg) is None:
        keep(cfg, list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else [])
        keep_weights(cfg)
        return
    for change in record(cfg):
        log.info("changed: %s", change)


def _calm() -> None:
    """Silence what our users can do nothing about: Lightning's hints at workers, log intervals and its own products."""
    os.environ.setdefault("WANDB_SILENT", "true")
    logging.raiseExceptions = False  # a log on a full disk loses its lines, and says nothing in their place
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="pytorch_lightning", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", module="pytorch_lightning", message=".*number of training batches.*")
    # The averaged generator is in evaluation mode for good.
    warnings.filterwarnings("ignore", message=".*module.s. in eval mode at the start of training.*")
    # Lightning's own calls of torch's old names.
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message="torch.distributed.nn.functional.all_gather is deprecated")
    # DDP compares strides of dimensions of one element too: there the gradient of a convolution of grey images, whose
    # channels lie side by side, has others than the weight, though both lie alike in memory.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
