"""Work in a process of its own, that has torch loaded already."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import signal
import sys
import warnings
from multiprocessing.connection import Connection
from typing import Any

_LOADED = ["torch", "torchvision", "torchmetrics", "pytorch_lightning", "hydra"]


def alone(work: str, *arguments: Any, **named: Any) -> Any:
    """What the function ``module.name`` makes of its arguments in a fresh process.

    So its memory is its own, its end is not ours, and this process never has to load torch: a server does, once, and
    every such process is a fork of it, which is killed when we are interrupted.

    Raises what the function raises, and RuntimeError where the process was killed (out of memory).
    """
    # A CUDA device that the server has looked for in another way could not be used by its forks.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(theirs, work, arguments, named), daemon=True)
    process.start()
    theirs.close()
    try:
        done, found = ours.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"{work} ended without a word (status {process.exitcode}): out of memory?") from None
    finally:
        process.kill()
        process.join()
    if not done:
        raise found
    return found


def leave_nothing_behind() -> None:
    """Let SIGTERM end this process as Ctrl-C does, so that the process that works for it ends as well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def _call(answer: Connection, work: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    warnings.simplefilter("ignore")
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    module, _, function = work.rpartition(".")
    try:
        answer.send((True, getattr(importlib.import_module(module), function)(*arguments, **named)))
    except Exception as error:  # whatever the work raises, raised again over there
        answer.send((False, error))
