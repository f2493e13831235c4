"""Loggers that are nobody's own work: is their library there, and what if they fail where Lightning calls them?"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger

from atelier.reason import told

log = logging.getLogger(__name__)

_LIBRARIES = {
    "pytorch_lightning.loggers.tensorboard.TensorBoardLogger": ("tensorboard", "tensorboardX"),
    "pytorch_lightning.loggers.comet.CometLogger": ("comet_ml",),
    "pytorch_lightning.loggers.mlflow.MLFlowLogger": ("mlflow", "mlflow_skinny"),
    "pytorch_lightning.loggers.neptune.NeptuneLogger": ("neptune",),
}
"""What Lightning's loggers need, one of the named: it asks only when they are built, and then the run has a folder."""

_EXTRAS = {"tensorboard"}

# What Lightning calls by itself, where a failure would end the run.
_AT_THE_EDGES = ("log_hyperparams", "log_graph", "save", "after_save_checkpoint", "finalize")


def missing(cfg: DictConfig) -> list[str]:
    """The libraries that the chosen loggers want and that are not installed, with the way to them."""
    wanted = {name: _LIBRARIES.get(node.get("_target_")) for name, node in _chosen(cfg).items()}
    return [
        f"logger={name}: {libraries[0]} is not installed; {_way_to(libraries[0])}, or choose another logger"
        for name, libraries in wanted.items()
        if libraries and not any(map(find_spec, libraries))
    ]


def _chosen(cfg: DictConfig) -> dict[str, DictConfig]:
    nodes = cfg.get("logger") or {}
    return {str(name): node for name, node in nodes.items() if isinstance(node, DictConfig)}


def _way_to(library: str) -> str:
    return f"`uv sync --extra {library}` brings it" if library in _EXTRAS else f"install {library}"


def lenient(logger: Logger) -> Logger:
    """``logger``, whose failures where Lightning calls it are told and go no further.

    What callbacks hand to it goes through :func:`~atelier.callback.recorder.tell`, which does the same.
    """
    for name in _AT_THE_EDGES:
        setattr(logger, name, _attempted(getattr(logger, name), type(logger).__name__))
    return logger


def _attempted(method: Callable[..., object], owner: str) -> Callable[..., None]:
    @functools.wraps(method)
    def attempt(*given: Any, **named: Any) -> None:
        try:
            method(*given, **named)
        except Exception as error:  # somebody else's logger can raise anything
            log.warning("%s failed (%s); the run goes on", owner, told(error))

    return attempt
