"""A run's checkpoints on disk: of which epoch one is."""

from __future__ import annotations

from pathlib import Path

import torch

from atelier.callback.clock import position


def epoch_of(file: Path) -> float | None:
    """The epoch of the state in a checkpoint, or None where that cannot be read."""
    try:
        return position(torch.load(file, map_location="cpu", weights_only=True, mmap=True)).epoch
    except Exception:  # there is none yet, or a damaged one, which can fail anywhere
        return None
