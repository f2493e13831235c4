"""atelier: generative image models on PyTorch Lightning and Hydra.

>>> from atelier import load
>>> model = load("outputs/dcgan-digits/2026-01-01_12-00-00")  # doctest: +SKIP
>>> images = model.sample(64, seed=0)  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

__all__ = ["load"]


def load(path: str | Path) -> LightningModule:
    """The model of a checkpoint or run folder, in evaluation mode, with ``sample`` and whatever its family can.

    Raises:
        ValueError: if ``path`` holds no checkpoint, or one that cannot be trusted.
    """
    from atelier.checkpoint import load as load_checkpoint  # importing atelier alone loads no torch

    return load_checkpoint(path).model
