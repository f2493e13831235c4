"""Training: from a checked configuration to a run's folder."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import LightningModule, Trainer, seed_everything
from pytorch_lightning.loggers import Logger

from atelier.callback.atomic import AtomicCheckpointIO
from atelier.callback.figures import try_on
from atelier.callback.journal import Journal
from atelier.callback.recorder import board_of
from atelier.checkpoint import Passport, compare, pour, read
from atelier.config.build import build
from atelier.config.rehearse import refused
from atelier.metric.extractor import Extractor
from atelier.task.listen import heard

log = logging.getLogger(__name__)


def preflight(cfg: DictConfig) -> list[str]:
    """All that would stop the run, found before it has a folder; downloads and caches of the data are made here."""
    mistakes = refused(cfg)
    if not isinstance(cfg.trainer.max_epochs, int) or cfg.trainer.max_epochs < 1:
        epochs = "null" if cfg.trainer.max_epochs is None else cfg.trainer.max_epochs
        mistakes.append(f"trainer.max_epochs={epochs}: train for at least one epoch")
    if isinstance(cfg.seed, int) and not 0 <= cfg.seed < 2**32:  # numpy's range, which torch's includes
        mistakes.append(f"seed={cfg.seed}: a whole number from 0 to {2**32 - 1}")
    if cfg.trainer.precision in ("16-true", "bf16-true"):
        half = cfg.trainer.precision
        mistakes.append(f"trainer.precision={half}: weights of 16 bits lose small steps; {half[:-4]}mixed keeps them")
    if cfg.callback.get("clock") is None:
        mistakes.append("callback.clock is missing: the other callbacks read the run's position from it")
    if cfg.init_from is not None:
        mistakes += heard([lambda: read(cfg.init_from)], prefix="init_from=")
    if cfg.init_from is not None and not mistakes:
        with torch.device("meta"):
            model = build(cfg.model)
        mistakes += heard([lambda: compare(read(cfg.init_from)["state_dict"], model, f"init_from={cfg.init_from}")])
    if not mistakes:
        mistakes += heard([lambda: build(cfg.data).prepare_data(), lambda: _prepared(cfg)])
    if not mistakes and (extractor := _prepared(cfg)) is not None:
        mistakes += heard([lambda: try_on(extractor, build(cfg.data), cfg.data.eval_split)])
    return mistakes


def _prepared(cfg: DictConfig) -> Extractor | None:
    """The extractor with its weights, or None in a run without scores."""
    if cfg.callback.get("scoreboard") is None:
        return None
    extractor: Extractor = build(cfg.extractor)
    extractor.prepare()
    return extractor


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
    except SystemExit:
        if trainer.interrupted:  # Lightning's answer to Ctrl-C, once everything is written
            raise KeyboardInterrupt from None
        raise
    finally:
        if "wandb" in (cfg.get("logger") or {}):
            _finish_wandb()
    board = board_of(trainer)
    standing = board and board.history.standing(board.history.primary)
    return standing.best if standing else None


def _trainer(cfg: DictConfig, folder: Path) -> Trainer:
    callbacks = [*(build(node) for node in cfg.callback.values() if node is not None), Passport(cfg)]
    if "wandb" in (cfg.get("logger") or {}):
        _set_up_wandb(cfg.logger.wandb.offline)
    loggers: list[Logger] = [
        Journal(folder),
        *(build(node) for node in (cfg.get("logger") or {}).values() if node is not None),
    ]
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


def _set_up_wandb(offline: bool) -> None:
    """Let it read that it should be silent before it sees Lightning's settings, on which it would comment."""
    import wandb  # heavy: only where it is used

    wandb.setup(wandb.Settings(silent=True, mode="offline" if offline else "online"))


def _finish_wandb() -> None:
    """Close the run, or the next job of a sweep in this process would write into it."""
    import wandb  # heavy: only where it is used

    wandb.finish()
