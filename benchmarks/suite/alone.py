"""Work in a process of its own, that has torch loaded already."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

_LOADED = ["torch", "torchvision", "torchmetrics", "pytorch_lightning", "hydra"]


def alone(work: str, *arguments: Any, **named: Any) -> Any:
    """What the function ``module.name`` makes of its arguments in a fresh process.

    So its memory is its own, its end is not ours, and this process never has to load torch.

    Raises what the function raises, and RuntimeError where the process was killed (out of memory).
    """
    with companion("suite.alone.named", work) as call:
        return call(*arguments, **named)


@contextmanager
def companion(maker: str, *arguments: Any) -> Iterator[Callable[..., Any]]:
    """Has what the function ``module.name`` makes called in a fresh process, one call after another.

    It is a fork of a server that has loaded torch, of which each process that asks for companions has one. It ends with
    the block; where this process is killed, at the end of the call that it is at.

    The calls raise what is raised over there, and RuntimeError where the process was killed (out of memory).
    """
    # A CUDA device that the server has looked for in another way could not be used by its forks.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    work = f"{maker}({', '.join(map(repr, arguments))})"
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, maker, arguments))
    process.start()
    theirs.close()

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            ours.send((arguments, named))
            done, found = ours.recv()
        except (EOFError, ConnectionError):
            process.join()
            raise RuntimeError(f"{work} ended without a word (status {process.exitcode}): out of memory?") from None
        if not done:
            raise found
        return found

    try:
        yield call
    finally:
        process.kill()
        process.join()


def named(work: str) -> Callable[..., Any]:
    """The function ``module.name``."""
    module, _, function = work.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def leave_nothing_behind() -> None:
    """Let SIGTERM end this process as Ctrl-C does, so that the process that works for it ends as well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def _serve(asked: Connection, maker: str, arguments: tuple[Any, ...]) -> None:
    """Answer until nobody is left who could ask."""
    warnings.simplefilter("ignore")
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    made = None
    with suppress(EOFError, ConnectionError):
        while True:
            given, by_name = asked.recv()
            try:
                made = made or named(maker)(*arguments)
                answer = (True, made(*given, **by_name))
            except Exception as error:  # whatever the work raises, raised again over there
                answer = (False, error)
            try:
                asked.send(answer)
            except (EOFError, ConnectionError):
                raise
            except Exception as error:  # it cannot be pickled, and nothing of it was sent
                asked.send((False, RuntimeError(f"{maker}: its answer cannot be sent: {error}")))
