"""How far a run has come, and how fast."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.types import ImageBatch, UnpairedBatch


class Position(NamedTuple):
    """Where a run stood: batches trained on, and epochs with their fraction."""

    step: int
    epoch: float


def position(checkpoint: Mapping[str, Any]) -> Position:
    """Where the run stood whose checkpoint has these contents.

    Raises KeyError, TypeError or ValueError where they do not say.
    """
    state = checkpoint["callbacks"][Clock.__qualname__]
    return Position(int(state["step"]), float(state["epoch"]))


class Clock(Callback):
    """The one owner of a run's position: all other observers read it here.

    step: batches trained on.
    images_seen: real images trained on, over all ranks.
    epoch: position in epochs; 2.5 = half way through the third.
    train_seconds: time spent in fitting and validation, also before an interruption.
    validation_seconds: what of it was validation.
    """

    def __init__(self) -> None:
        self.step = 0
        self.images_seen = 0
        self.epoch = 0.0
        self._earlier = 0.0
        self._validated = 0.0
        self._started: float | None = None
        self._validation_started: float | None = None
        self._images_at_start = 0
        self._seconds_at_start = 0.0
        self._lap = (0, 0.0)

    @property
    def train_seconds(self) -> float:
        """Seconds of fitting and validation so far."""
        return self._earlier + (0.0 if self._started is None else time.monotonic() - self._started)

    @property
    def validation_seconds(self) -> float:
        """Seconds of validation so far."""
        began = self._validation_started
        if began is None or self._started is None:  # the sanity check comes before the start
            return self._validated
        return self._validated + time.monotonic() - began

    @property
    def images_per_second(self) -> float:
        """Training images per second of training (validation left out), also before an interruption."""
        seconds = self._training_seconds()
        return self.images_seen / seconds if seconds > 0 else 0.0

    @property
    def live_images_per_second(self) -> float:
        """The same since this process began to train: the machine may be another than before."""
        seconds = self._training_seconds() - self._seconds_at_start
        return (self.images_seen - self._images_at_start) / seconds if seconds > 0 else 0.0

    def lap(self) -> float:
        """Training images per second since the last lap."""
        images, seconds = self._lap
        self._lap = (self.images_seen, self._training_seconds())
        elapsed = self._lap[1] - seconds
        return (self.images_seen - images) / elapsed if elapsed > 0 else 0.0

    def _training_seconds(self) -> float:
        return self.train_seconds - self.validation_seconds

    def _stop(self) -> None:
        self._earlier, self._validated = self.train_seconds, self.validation_seconds
        self._started = self._validation_started = None

    # --- hooks -------------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the watch."""
        self._started = time.monotonic()
        self._images_at_start, self._seconds_at_start = self.images_seen, self._training_seconds()
        self._lap = (self.images_seen, self._seconds_at_start)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: ImageBatch | UnpairedBatch,
        batch_idx: int,
    ) -> None:
        """Advance by one batch."""
        # Counted, not read from the batch: where Lightning limits the batches of an epoch, the order skips the rest.
        self.step += 1
        self.images_seen += batch.size * trainer.world_size
        batches = trainer.num_training_batches
        done = (batch_idx + 1) / batches if math.isfinite(batches) else batch.epoch % 1
        self.epoch = trainer.current_epoch + done

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Time spent here is not training."""
        self._validation_started = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Back to training."""
        self._validated, self._validation_started = self.validation_seconds, None

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the watch."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Stop the watch."""
        self._stop()

    def state_dict(self) -> dict[str, Any]:
        """The position, in plain numbers."""
        return {
            "step": self.step,
            "images_seen": self.images_seen,
            "epoch": self.epoch,
            "train_seconds": self.train_seconds,
            "validation_seconds": self.validation_seconds,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a stored position."""
        self.step, self.images_seen = state_dict["step"], state_dict["images_seen"]
        self.epoch = state_dict["epoch"]
        self._earlier, self._validated = state_dict["train_seconds"], state_dict["validation_seconds"]


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory held at once: on ``device`` if it is a CUDA one, else by this process (0 = unknown)."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource  # Windows has none
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)  # Linux counts in KiB, Apple in bytes
