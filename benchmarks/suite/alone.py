"""Work in a process of its own, that has torch loaded already."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from typing import Any

_LOADED = ["torch", "torchvision", "torchmetrics", "pytorch_lightning", "hydra"]


def alone(work: str, *arguments: Any, **named: Any) -> Any:
    """What the function ``module.name`` makes of its arguments in a fresh process.

    So its memory is its own, its end is not ours, and this process never has to load torch: a server does, once, and
    every such process is a fork of it.

    Raises what the function raises, and BrokenProcessPool where the process was killed (out of memory).
    """
    # A CUDA device that the server has looked for in another way could not be used by its forks.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_call, work, arguments, named).result()


def _call(work: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    warnings.simplefilter("ignore")
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    module, _, function = work.rpartition(".")
    return getattr(importlib.import_module(module), function)(*arguments, **named)
