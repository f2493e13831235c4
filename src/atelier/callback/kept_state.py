"""A run's checkpoints on disk: where they lie, and of which epoch one is."""

from __future__ import annotations

from pathlib import Path

import torch
from pytorch_lightning import Trainer

from atelier.callback.clock import position


def folder(trainer: Trainer) -> Path:
    """Where the run's checkpoints lie."""
    return Path(trainer.default_root_dir) / "checkpoints"


def epoch_of(file: Path) -> float | None:
    """The epoch of the state in a checkpoint, or None where that cannot be read."""
    try:
        return position(torch.load(file, map_location="cpu", weights_only=True, mmap=True)).epoch
    except Exception:  # there is none yet, or a damaged one, which can fail anywhere
        return None
