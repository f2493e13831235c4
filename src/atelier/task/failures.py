"""Failures that end training before its time, each explained in one clear word."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader

from atelier.callback.folder_guard import vanished
from atelier.callback.kept_state import epoch_of
from atelier.callback.preemption import Preemption
from atelier.callback.recorder import companion
from atelier.callback.score_history import whole
from atelier.callback.summary import resume_command
from atelier.callback.undisturbed import Undisturbed
from atelier.run_folder import RunFolder
from atelier.status import TERMINATED
from atelier.task.compiling import COMPILED
from atelier.task.ranks import Lost
from atelier.types import Diverged, Mistake, Vanished

log = logging.getLogger(__name__)

_NO_MEMORY = (
    *("DefaultCPUAllocator: can't allocate memory", "DefaultCPUAllocator: not enough memory"),
    *("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"),
    "MPS backend out of memory",
)


@contextmanager
def explain_failures(cfg: DictConfig, trainer: Trainer) -> Iterator[None]:
    """Say of a failure what it means and what can be done; what nobody foresaw passes unchanged."""
    try:
        with _as_asked(trainer):
            yield
    except SystemExit as leaving:
        if isinstance(leaving.__context__, KeyboardInterrupt):  # Lightning's answer to it, once everything is written
            raise KeyboardInterrupt from None
        if trainer.received_sigterm:  # before or after the batches, where Lightning listens: it leaves with 0
            raise SystemExit(TERMINATED) from None
        raise
    except (Mistake, Diverged, Vanished):
        raise
    except MisconfigurationException as error:  # Lightning's word for what the configuration asks in vain
        raise Mistake(f"trainer: {' '.join(str(error).split())}") from error
    except (RuntimeError, MemoryError, OSError, EOFError) as error:
        run = RunFolder(Path(cfg.run_dir))
        if isinstance(error, FileNotFoundError) and not run.config.exists():
            raise vanished(run.path) from error
        explanation = _explanation(cfg, error)
        if explanation is None:
            raise
        raise Mistake(explanation + _way_on(cfg)) from error
    finally:
        if (undisturbed := companion(trainer, Undisturbed)) is not None:
            undisturbed.listen()


@contextmanager
def _as_asked(trainer: Trainer) -> Iterator[None]:
    """Leave as a signal asks for, where a batch failed of it."""
    try:
        yield
    except Exception:
        preemption = companion(trainer, Preemption)
        if preemption is None or preemption.cut_off is None:
            raise
        raise SystemExit(preemption.cut_off) from None


def _explanation(cfg: DictConfig, error: Exception) -> str | None:
    text = str(error)
    if is_out_of_memory(error):
        return out_of_memory_advice(cfg)
    if isinstance(error, Lost):
        return text
    if cfg.get("compile") and _in_compiling(error):
        return (
            f"compile=true: torch could not compile the networks ({' '.join(text.split())[:200]}). Where an earlier "
            f"run was cut off while it compiled, deleting {os.environ.get(COMPILED)} helps; compile=false does without"
        )
    if cfg.data.get("workers") and _of_a_dead_worker(error):
        return (
            f"a process that loads data died (data.workers={cfg.data.workers}); most often the system killed it for "
            "want of memory. data.workers=0 loads within the training process"
        )
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        return f"a file could not be read or written{place}: {error.strerror or ' '.join(text.split())[:200]}"
    return None


def _of_a_dead_worker(error: Exception) -> bool:
    """Whether a process that loads data has died: torch saw it, or the pipe broke while a batch was handed over."""
    text = str(error)
    if isinstance(error, RuntimeError):
        return text.startswith("DataLoader worker")
    if not isinstance(error, ConnectionError | EOFError) or text.startswith("Caught"):  # a worker's own failure
        return False
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__") == DataLoader.__module__ for frame in frames)


def _in_compiling(error: Exception) -> bool:
    from torch._dynamo.exc import TorchDynamoException  # takes seconds to import

    return isinstance(error, TorchDynamoException)


def is_out_of_memory(error: Exception) -> bool:
    """Whether there was not enough memory, on the device or for the processor."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(sign in str(error) for sign in _NO_MEMORY)


def out_of_memory_advice(cfg: DictConfig) -> str:
    """What to lower where memory does not suffice."""
    sizes = {
        option: value
        for option in ("data.batch_size", "data.image_size", "model.parts", "trainer.precision")
        if (value := OmegaConf.select(cfg, option)) is not None
    }
    now = ", ".join(f"{option}={value}" for option, value in sizes.items())
    batch, ways = cfg.data.batch_size, []
    if batch > 1:
        ways.append(f"data.batch_size={batch // 2} in a new run")
    if 2 * sizes.get("model.parts", batch) <= batch:
        ways.append(f"model.parts={2 * sizes['model.parts']} (the same batch in smaller parts)")
    if sizes.get("trainer.precision") == "32-true":
        ways.append("trainer.precision=bf16-mixed")
    if batch == 1:
        ways.append("smaller images or a smaller network in a new run")
    return f"out of memory with {now}. What helps: {', or '.join(ways)}"


def _way_on(cfg: DictConfig) -> str:
    run = RunFolder(Path(cfg.run_dir))
    epoch = epoch_of(run.last)
    if epoch is None:
        return ""
    return f". The state of epoch {whole(round(epoch, 2))} is kept, and goes on with: {resume_command(run.path)}"
