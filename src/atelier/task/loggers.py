"""Loggers of a run: its journal, and those that were chosen beside it."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger

from atelier.callback.journal import Journal
from atelier.callback.recorder import boards_of
from atelier.callback.sweep_parent import RESULT
from atelier.callback.wandb_logger import WandbLogger
from atelier.config.build import build
from atelier.config.resume import started_with
from atelier.config.secrecy import without_secrets
from atelier.task.lenient_loggers import lenient
from atelier.task.lock import is_first
from atelier.task.resume import plain
from atelier.types import Mistake
from atelier.whole_file import write_text

log = logging.getLogger(__name__)

_WANDB = "atelier.callback.wandb_logger.WandbLogger"
_TENSORBOARD = "pytorch_lightning.loggers.tensorboard.TensorBoardLogger"


@contextmanager
def opened(cfg: DictConfig, folder: Path, step: int | None) -> Iterator[list[Logger]]:
    """The journal in ``folder`` and the loggers of ``cfg.logger``, to be given to a trainer by :func:`introduce`.

    step: batches that were trained before, in a run that goes on.
    """
    nodes = [node for node in (cfg.get("logger") or {}).values() if node is not None]
    loggers = [Journal(folder), *(lenient(build(_continued(node, cfg, folder, step))) for node in nodes)]
    try:
        yield loggers
    finally:
        for logger in loggers:
            if isinstance(logger, WandbLogger):
                _end(logger)


def introduce(loggers: list[Logger], trainer: Trainer, cfg: DictConfig) -> None:
    """Let dashboards begin, by the first of a run's processes: with the configuration, and whom to ask about scores."""
    if not is_first():
        return
    config = without_secrets(OmegaConf.to_container(plain(cfg), resolve=True)) | {"family": _family(cfg)}
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            try:
                logger.begin(_wandb_name(logger.folder), config, partial(_scores, trainer))
            except Exception as error:  # of many kinds: keys, the network, the disk
                log.warning("Weights & Biases cannot be used (%s: %s)", type(error).__name__, error)


def _scores(trainer: Trainer) -> dict[str, dict[str, Any]]:
    """The scores of all boards, as results.json has them."""
    return {name: score for board in boards_of(trainer) for name, score in board.results().items()}


def _family(cfg: DictConfig) -> str:
    """Which training step the model shares: the name of its class's file."""
    return str(cfg.model._target_).split(".")[-2]


def _end(logger: WandbLogger) -> None:
    try:
        logger.end()
    except Exception as error:  # of many kinds, as above; the run itself is whole
        log.warning("Weights & Biases did not take the end of the run (%s: %s)", type(error).__name__, error)


def _continued(node: DictConfig, cfg: DictConfig, folder: Path, step: int | None) -> DictConfig:
    """``node`` with what it leaves to the run, and with what lets its logger go on where the run goes on."""
    # Resolved before it leaves the configuration that its interpolations point into.
    chosen = OmegaConf.to_container(node, resolve=True)
    assert isinstance(chosen, dict)
    if node._target_ == _WANDB:
        for name, value in (("group", _sweep_of(folder)), ("job_type", _experiment(folder))):
            chosen[name] = value if chosen.get(name) is None else chosen[name]
        chosen["tags"] = list(dict.fromkeys([_family(cfg), *chosen.get("tags", [])]))
    elif node._target_ == _TENSORBOARD and step is not None:
        chosen.setdefault("purge_step", step + 1)  # what lies behind the checkpoint is no longer shown
    made = OmegaConf.create(chosen)
    assert isinstance(made, DictConfig)
    return made


def _sweep_of(folder: Path) -> str | None:
    """The name of the sweep that ``folder`` is a job of, if it is: one in this process, or this process is the job."""
    together = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    return folder.resolve().parent.name if together or RESULT in os.environ else None


def _experiment(folder: Path) -> str:
    """The recipe that the run was started with, or the verb."""
    try:
        words = started_with(folder)
    except Mistake:
        words = []
    chosen = [word.partition("=")[2] for word in words if word.startswith("experiment=")]
    return chosen[-1] if chosen else "train"


def _wandb_name(folder: Path) -> str:
    """The run's name at Weights & Biases, the same in every process that works on it; a sweep's agent gives it one."""
    file = folder / "wandb_id"
    if not file.exists() or not file.read_text(encoding="utf-8").strip():
        given = os.environ.get("WANDB_RUN_ID") if "WANDB_SWEEP_ID" in os.environ else None
        write_text(file, (given or secrets.token_hex(4)) + "\n")
    return file.read_text(encoding="utf-8").strip()
