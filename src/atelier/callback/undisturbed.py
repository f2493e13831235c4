"""Peace for a run that fails, so that it can write down how it ended."""

from __future__ import annotations

import signal
import threading
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class Undisturbed(Callback):
    """Lets no second failure come between the first one and those who write it down; before them among the callbacks.

    A process that loads data and dies is told of twice: by the pipe that breaks when a batch is fetched, and by torch's
    handler of SIGCHLD, which raises wherever training is at that moment. Where that is another callback's
    ``on_exception``, Lightning calls no further one: results.json would say for ever that the run trains.
    """

    def __init__(self) -> None:
        self._former: Any = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Hear no more of processes that end."""
        if hasattr(signal, "SIGCHLD") and threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def listen(self) -> None:
        """Hear of them again: torch sets its handler once a process, and whoever trains next relies on it."""
        if self._former is not None:
            signal.signal(signal.SIGCHLD, self._former)
            self._former = None
