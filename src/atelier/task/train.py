"""Training: from a checked configuration to a run's folder."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import LightningModule, Trainer, seed_everything
from pytorch_lightning.loggers import Logger

from atelier.callback.atomic import AtomicCheckpointIO
from atelier.callback.journal import Journal
from atelier.callback.scoreboard import Scoreboard
from atelier.checkpoint import Passport, pour, read
from atelier.config.build import build
from atelier.config.rehearse import refused
from atelier.types import Mistake

log = logging.getLogger(__name__)


def preflight(cfg: DictConfig) -> list[str]:
    """All that would stop the run, found before it has a folder; downloads and caches of the data are made here."""
    mistakes = refused(cfg)
    if (cfg.trainer.max_epochs or 0) < 1:
        mistakes.append(f"trainer.max_epochs={cfg.trainer.max_epochs}: train for at least one epoch")
    if cfg.init_from is not None:
        mistakes += _heard(lambda: read(cfg.init_from), "init_from=")
    if not mistakes:
        mistakes += _heard(lambda: build(cfg.data).prepare_data()) + _heard(lambda: build(cfg.extractor).prepare())
    return mistakes


def _heard(action: Any, prefix: str = "") -> list[str]:
    try:
        action()
    except Mistake as mistake:
        return [f"{prefix}{mistake}"]
    return []


def run(cfg: DictConfig) -> float | None:
    """Train, and return the best value of the first score (for sweeps)."""
    folder = Path(cfg.run_dir)
    _keep_config(cfg, folder)
    _calm()
    seed_everything(cfg.seed, workers=True, verbose=False)
    data, model = build(cfg.data), build(cfg.model)
    assert isinstance(model, LightningModule)
    if cfg.init_from is not None:
        pour(read(cfg.init_from)["state_dict"], model, f"init_from={cfg.init_from}")
        log.info("starting from the weights of %s", cfg.init_from)
    trainer = _trainer(cfg, folder)
    try:
        trainer.fit(model, data)
    finally:
        if cfg.logger and "wandb" in cfg.logger:
            _finish_wandb()
    if trainer.interrupted:
        raise KeyboardInterrupt
    board = next((c for c in trainer.callbacks if isinstance(c, Scoreboard)), None)  # type: ignore[attr-defined]
    return None if board is None else board.best


def _trainer(cfg: DictConfig, folder: Path) -> Trainer:
    callbacks = [*(build(node) for node in cfg.callback.values() if node is not None), Passport(cfg)]
    loggers: list[Logger] = [Journal(folder), *(build(node) for node in (cfg.logger or {}).values())]
    made: Trainer = build(cfg.trainer)(
        callbacks=callbacks, logger=loggers, default_root_dir=str(folder), plugins=[AtomicCheckpointIO()]
    )
    return made


def _keep_config(cfg: DictConfig, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(cfg, resolve=True), encoding="utf-8")
    words = list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []
    (folder / "overrides.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(words)), encoding="utf-8")


def _calm() -> None:
    """Silence what our users can do nothing about: Lightning's hints at workers, log intervals and its own products."""
    os.environ.setdefault("WANDB_SILENT", "true")
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="pytorch_lightning", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", module="pytorch_lightning", message=".*number of training batches.*")
    # The averaged generator is in evaluation mode for good.
    warnings.filterwarnings("ignore", message=".*module.s. in eval mode at the start of training.*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")


def _finish_wandb() -> None:
    """Close the run, or the next job of a sweep in this process would write into it."""
    import wandb  # heavy: only where it is used

    wandb.finish()
