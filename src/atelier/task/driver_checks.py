"""How torch finds out, again and again, whether there is a CUDA device."""

from __future__ import annotations

import os

import torch

_BY_DRIVER = "PYTORCH_NVML_BASED_CUDA_CHECK"


def spare_driver_checks() -> None:
    """Where there is no CUDA device, let torch ask its own library, which remembers that.

    An optimizer of torch asks in every step. Lightning has it ask the driver instead, so that processes with a device
    can be forked; without a driver that is a search for one on disk each time, up to half a millisecond.
    """
    if not torch.cuda.is_available():
        os.environ[_BY_DRIVER] = "0"
