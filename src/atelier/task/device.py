"""The device that a trained model works on."""

from __future__ import annotations

import torch


def best_device() -> torch.device:
    """A CUDA device if there is one, else the processor: Apple's has no float64, in which features are compared."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
