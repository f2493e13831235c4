"""Loggers of a run: its journal, and those that were chosen beside it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

from atelier.callback.journal import Journal
from atelier.config.build import build

_WANDB = "pytorch_lightning.loggers.wandb.WandbLogger"
_TENSORBOARD = "pytorch_lightning.loggers.tensorboard.TensorBoardLogger"


@contextmanager
def opened(cfg: DictConfig, folder: Path, step: int | None) -> Iterator[list[Logger]]:
    """The journal in ``folder`` and the loggers of ``cfg.logger``.

    step: batches that were trained before, in a run that goes on.
    """
    nodes = [node for node in (cfg.get("logger") or {}).values() if node is not None]
    dashboards = [node for node in nodes if node._target_ == _WANDB]
    for node in dashboards:
        _set_up_wandb(node.get("offline", False))
    try:
        yield [Journal(folder), *(build(_continued(node, folder, step)) for node in nodes)]
    finally:
        if dashboards:
            _finish_wandb()


def _continued(node: DictConfig, folder: Path, step: int | None) -> DictConfig:
    """``node`` with what lets its logger go on where the run goes on."""
    more: dict[str, Any] = {}
    if node._target_ == _WANDB:
        # On disk alone every process writes a segment, and segments of one name are one run once they are synchronised.
        more = {"id": _wandb_name(folder)} | ({} if node.get("offline") else {"resume": "allow"})
    elif node._target_ == _TENSORBOARD and step is not None:
        more = {"purge_step": step + 1}  # what lies behind the checkpoint is no longer shown
    # Resolved before it leaves the configuration that its interpolations point into.
    chosen = OmegaConf.to_container(node, resolve=True)
    assert isinstance(chosen, dict)
    made = OmegaConf.create(more | chosen)
    assert isinstance(made, DictConfig)
    return made


def _wandb_name(folder: Path) -> str:
    """The run's name at Weights & Biases, the same in every process that works on it."""
    file = folder / "wandb_id"
    if not file.exists():
        file.write_text(secrets.token_hex(4) + "\n", encoding="utf-8")
    return file.read_text(encoding="utf-8").strip()


def _set_up_wandb(offline: bool) -> None:
    """Let it read that it should be silent before it sees Lightning's settings, on which it would comment."""
    import wandb  # heavy: only where it is used

    wandb.setup(wandb.Settings(silent=True, mode="offline" if offline else "online"))


def _finish_wandb() -> None:
    """Close the run, or the next job of a sweep in this process would write into it."""
    import wandb  # heavy: only where it is used

    wandb.finish()
