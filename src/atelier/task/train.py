"""Training: from a checked configuration to a run's folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

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
from atelier.callback.undisturbed import Undisturbed
from atelier.checkpoint import Passport
from atelier.config.build import build
from atelier.counted import counted
from atelier.network.shared_norm import SharedBatchNorms
from atelier.task.auto_batch import shrink
from atelier.task.calm import calm
from atelier.task.compiling import compile_networks
from atelier.task.driver_checks import spare_driver_checks
from atelier.task.extractor_weights import keep_weights
from atelier.task.failures import explain_failures
from atelier.task.freed_memory import keep_freed_memory
from atelier.task.gradient_checkpointing import enable_gradient_checkpointing
from atelier.task.init_from import load_initial_weights
from atelier.task.lock import claimed, is_first
from atelier.task.loggers import introduce, opened
from atelier.task.precision import multiplying, settle
from atelier.task.ranks import leading
from atelier.task.resume import checkpoint, keep, plain, record, retuned, steps
from atelier.task.scorable import validates
from atelier.task.step_overhead import spare_step
from atelier.task.train_checks import preflight, wrong_values

__all__ = ["preflight", "run", "wrong_values"]

log = logging.getLogger(__name__)


def run(cfg: DictConfig) -> float | None:
    """Train, and return the best value of the first score (for sweeps)."""
    settle(cfg)
    folder, stored = Path(cfg.run_dir), checkpoint(cfg)
    with claimed(folder, new=stored is None), multiplying(cfg.get("tf32")), calm():
        if cfg.get("auto_batch") and stored is None:
            shrink(cfg)
        _write_down(cfg)
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
    first: list[Callback] = [Undisturbed(), FolderGuard(Path(cfg.run_dir))]
    stored = checkpoint(cfg)
    first += [] if stored is None else [Resumption(Path(stored), retuned(cfg))]
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
