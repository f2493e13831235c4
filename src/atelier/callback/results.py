"""results.json: what a run came to."""

from __future__ import annotations

import json
import logging
import os
import platform
from contextlib import nullcontext
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.callback.atomic import sparing
from atelier.callback.clock import peak_memory_bytes
from atelier.callback.monitor import Monitor
from atelier.callback.preemption import Preemption
from atelier.callback.pruning import Pruning
from atelier.callback.recorder import boards_of, clock_of, companion
from atelier.callback.score_history import whole
from atelier.callback.trainer_parts import run_of
from atelier.jsonable import jsonable
from atelier.reason import said
from atelier.types import Game, Vanished
from atelier.whole_file import write_text

log = logging.getLogger(__name__)

_PACKAGES = (
    "atelier-lab",
    "torch",
    "torchvision",
    "pytorch-lightning",
    "torchmetrics",
    "hydra-core",
    "numpy",
)


class Results(Callback):
    """Keeps results.json up to date: after every validation, at the end, and when a run fails.

    model, data: the names of the choices. seed: the run's seed.
    """

    def __init__(self, model: str, data: str, seed: int) -> None:
        self.model, self.data, self.seed = model, data, seed
        self._begun = self._ended = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write that it has begun, or goes on."""
        self._begun, self._ended = True, False
        self._write(trainer, pl_module, "training")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what is known so far."""
        if not trainer.sanity_checking and trainer.state.fn == "fit":
            self._write(trainer, pl_module, "training")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the end."""
        pruning = companion(trainer, Pruning)
        self._write(trainer, pl_module, "pruned" if pruning is not None and pruning.pruned else "finished")
        self._ended = True

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write how it ended: not of a run that had ended (its report failed), nor of one that did not get to go on."""
        if trainer.state.fn != "fit" or isinstance(exception, Vanished) or self._ended:
            return
        if not self._begun and run_of(trainer).results.exists():
            return  # what would be written has not been restored
        preemption = companion(trainer, Preemption)
        stopped = isinstance(exception, KeyboardInterrupt | SystemExit)
        stopped = stopped or (preemption is not None and preemption.brought_about(exception))
        try:
            self._write(trainer, pl_module, "stopped" if stopped else f"failed: {said(exception)}")
        except OSError as error:  # what ended the run is to be told
            log.warning("results.json could not be written (%s)", said(error))

    def _write(self, trainer: Trainer, pl_module: LightningModule, status: str) -> None:
        if trainer.is_global_zero:
            found = self.gather(trainer, pl_module, status)
            file = run_of(trainer).results
            with nullcontext() if status in ("finished", "pruned") else sparing(file):
                write_text(file, json.dumps(jsonable(found), indent=2) + "\n")

    def gather(self, trainer: Trainer, pl_module: LightningModule, status: str) -> dict[str, Any]:
        """The content of results.json."""
        clock, monitor = clock_of(trainer), companion(trainer, Monitor)
        return {
            "model": self.model,
            "data": self.data,
            "seed": self.seed,
            "status": status,
            "epochs": whole(clock.epoch),
            "images_seen": clock.images_seen,
            "train_seconds": round(clock.train_seconds, 3),
            "images_per_second": round(clock.images_per_second, 2),
            "peak_memory_bytes": peak_memory_bytes(trainer.strategy.root_device),
            "scores": {k: v for board in boards_of(trainer) for k, v in board.results().items()},
            "equilibrium": pl_module.equilibrium if isinstance(pl_module, Game) else None,
            "warnings": monitor.warnings if monitor else [],
            "environment": environment(trainer),
        }


def environment(trainer: Trainer) -> dict[str, str]:
    """What the run ran on: versions, machine, precision."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    device = trainer.strategy.root_device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{os.cpu_count()} cores"
    found["device"] = f"{trainer.world_size} × {device.type} ({name})"
    found["threads"] = str(torch.get_num_threads())
    found["precision"] = str(trainer.precision)
    return found
