"""Peace for a run that fails, so that it can write down how it ended."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class Undisturbed(Callback):
    """Lets no second failure come between the first one and those who write it down; before them among the callbacks.

    Where another callback's ``on_exception`` is interrupted, Lightning calls no further one: results.json would say for
    ever that the run trains. Two do that. A process that loads data and dies is told of twice: by the pipe that breaks
    when a batch is fetched, and by torch's handler of SIGCHLD, which raises wherever training is at that moment. And
    Ctrl-C, which people press more than once.
    """

    def __init__(self) -> None:
        self._interrupted: Any = None
        self._worker_died: Any = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Hear no more of processes that end, nor of Ctrl-C until the last callback has had its turn."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._interrupted = signal.signal(signal.SIGINT, _unheard)
        if hasattr(signal, "SIGCHLD"):
            self._worker_died = signal.signal(signal.SIGCHLD, _unheard)

    def listen(self) -> None:
        """Hear of them again, once Lightning has given back what it found before the run."""
        if self._interrupted is not None and signal.getsignal(signal.SIGINT) is _unheard:
            signal.signal(signal.SIGINT, self._interrupted)
        if self._worker_died is not None:  # torch sets its handler once a process, and whoever trains next relies on it
            signal.signal(signal.SIGCHLD, self._worker_died)
        self._interrupted = self._worker_died = None


def _unheard(number: int, frame: FrameType | None) -> None:
    """A handler, where to ignore a signal would be handed down to processes that are started meanwhile."""
