"""The machine that figures were taken on, and its devices."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch


def describe(device: str) -> str:
    """One line: device, processor, threads, torch, Python."""
    parts = [] if device == "cpu" else [_accelerator(device)]
    parts += [f"{processor()} ({os.cpu_count()} cores)", f"{torch.get_num_threads()} threads"]
    return ", ".join([*parts, f"torch {torch.__version__}", f"Python {platform.python_version()}", platform.system()])


def processor() -> str:
    """The processor's model, as far as the system tells."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(named), platform.processor() or platform.machine())


def _accelerator(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "Apple GPU"


def missing(device: str) -> str | None:
    """Why ``device`` cannot be used, or None."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[device]
    return None if there else f"--device {device}: torch finds no such device here"


def halves(device: str) -> bool:
    """Whether ``device`` computes in bfloat16 by itself; processors without AVX-512 only mimic it, very slowly."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "mps" or platform.machine() not in ("x86_64", "AMD64"):
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def settling(device: str) -> Callable[[], None]:
    """A function that waits until ``device`` has done what it was given."""
    if device == "cuda":
        return torch.cuda.synchronize
    if device == "mps":
        return torch.mps.synchronize
    return partial(int)  # the processor is done when a call returns
