"""Leaving in order when somebody says so: a scheduler, a time limit, or Ctrl-C."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType
from typing import Any

import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from atelier.callback.checkpoints import Checkpoints
from atelier.callback.pause import ASK_EVERY, between_batches
from atelier.callback.recorder import clock_of, companion
from atelier.callback.requeue import requeue
from atelier.callback.trainer_parts import run_of
from atelier.status import INTERRUPTED, TERMINATED
from atelier.types import Diverged, Mistake, Vanished

log = logging.getLogger(__name__)

_REQUEUED = 144
"""Among the processes of a run: TERMINATED, and SLURM is to start the job again."""

_HEARD = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")

_OTHERWISE = (Mistake, Diverged, Vanished)
"""Ends of a run that no signal brings about."""


class Preemption(Checkpoint):
    """On SIGTERM, SIGUSR1, SIGHUP or Ctrl-C: saves between two batches on all ranks together, and leaves.

    A process that trains alone leaves at the next batch. Several ask each other every tenth batch and at the end of an
    epoch: they wait for one another, and for their devices, to agree.

    The status is 143, for Ctrl-C 130; a second Ctrl-C leaves at once. A handler only notes the signal down: Lightning's
    own talks to the other ranks inside of it, where they may wait for each other for ever, and under SLURM it saves in
    the middle of a batch. There SIGUSR1 says that time is up: SLURM is asked to start the job again, and the same words
    then go on with this run.

    A Checkpoint only in name: Lightning calls those last, when all others have dealt with the batch.

    command: what continues the run.
    cut_off: the status to leave with where a batch failed once a signal had come, else None.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self.cut_off: int | None = None
        self._status = 0
        self._leaving = 0
        self._requeue = False
        self._former: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen."""
        if threading.current_thread() is not threading.main_thread():
            return  # signals reach the main thread alone
        ours = [getattr(signal, name) for name in _HEARD if hasattr(signal, name)]
        ours = [number for number in ours if not _of_a_lost_terminal(number)]
        self._former = {number: signal.signal(number, self._note) for number in ours}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save and leave, if somebody said so and this is a place to go on from."""
        if trainer.world_size == 1 or clock_of(trainer).step % ASK_EVERY == 0:
            self._leaving = self._agreed(trainer)
        if self._leaving and between_batches(trainer, batch_idx):
            checkpoints = companion(trainer, Checkpoints)
            saved = checkpoints is not None and checkpoints.save_last(trainer, pl_module)
            self._leave(trainer, self._leaving, saved)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave, if somebody said so and there is more to come; Checkpoints had its turn before."""
        last = trainer.max_epochs is not None and trainer.current_epoch + 1 >= trainer.max_epochs > 0
        if not last and (status := self._agreed(trainer)):
            checkpoints = companion(trainer, Checkpoints)
            self._leave(trainer, status, saved=checkpoints is not None and checkpoints.saved)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the signals back."""
        self._deaf()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the signals back, and have the job started again if that was the signal's meaning.

        What fails once a signal has come fails of it: it was sent to all that training had started as well, a compiler
        or processes that load data, and these have left at once.
        """
        self._deaf()
        if self.brought_about(exception):
            kept = "the last checkpoint is kept" if run_of(trainer).last.exists() else ""
            self.cut_off = self._told(trainer, self._status, kept, amid=type(exception).__name__)
        if self._requeue:
            requeue()

    def brought_about(self, exception: BaseException) -> bool:
        """Whether ``exception`` is a failure of what a signal has reached as well."""
        return bool(self._status) and isinstance(exception, Exception) and not isinstance(exception, _OTHERWISE)

    def _note(self, number: int, frame: FrameType | None) -> None:
        status = INTERRUPTED if number == signal.SIGINT else TERMINATED
        if number == getattr(signal, "SIGUSR1", None) and SLURMEnvironment.detect():
            status = _REQUEUED
        self._status = max(self._status, status)
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # the second one leaves at once

    def _agreed(self, trainer: Trainer) -> int:
        """The status to leave with that any rank has noted down, or 0."""
        if trainer.world_size == 1:
            return self._status
        mine = torch.tensor(float(self._status), device=trainer.strategy.root_device)
        everywhere = trainer.strategy.reduce(mine, reduce_op="max")
        assert isinstance(everywhere, torch.Tensor)
        return int(everywhere)

    def _leave(self, trainer: Trainer, status: int, saved: bool) -> None:
        trainer.strategy.barrier("preemption")
        former = "NOT saved, the last checkpoint is kept" if run_of(trainer).last.exists() else ""
        kept = "saved" if saved else former
        raise SystemExit(self._told(trainer, status, kept))

    def _told(self, trainer: Trainer, status: int, kept: str, amid: str = "") -> int:
        """Say why the run ends, and return the status to leave with.

        kept: what there is to go on from, "" for nothing. amid: what failed in the batch that was under way.
        """
        self._requeue, status = trainer.is_global_zero and status == _REQUEUED, min(status, TERMINATED)
        why = "Ctrl-C" if status == INTERRUPTED else "a signal to terminate"
        if trainer.is_global_zero:
            where = f"in epoch {clock_of(trainer).epoch:.2f}" + (f", amid a batch ({amid})" if amid else "")
            log.info("stopped by %s %s: %s", why, where, f"{kept}. To go on:" if kept else "nothing was saved yet")
            if kept:
                log.info("  %s", self.command)
        # Lightning kills a run whose child processes leave with another status than 0.
        return status if trainer.is_global_zero else 0

    def _deaf(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}


def _of_a_lost_terminal(number: int) -> bool:
    """Whether it is SIGHUP, and the run is to outlive its terminal (nohup)."""
    return number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) == signal.SIG_IGN
