"""Which signals end a process that loads data: those of the process it loads for, and no others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


def heed_the_loader_alone(worker: int) -> None:
    """For ``DataLoader(worker_init_fn=...)``: let SIGTERM, SIGUSR1 and SIGHUP pass, but for the loader's own.

    Who stops a run signals its whole group of processes (a scheduler, a closed terminal, ``kill -- -<pid>``). Training
    then goes on to the end of its batch, and perhaps of its validation, and saves: without its data it would fail.
    Where it dies itself, torch's workers notice and leave.

    Where senders cannot be told (macOS, Windows), nothing is changed.
    """
    loader = multiprocessing.parent_process()
    if loader is None or not hasattr(signal, "sigwaitinfo"):
        return
    ours = {signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, ours)  # they wait for the thread below, which alone learns who sent them
    threading.Thread(target=_leave_at_its_word, args=(ours, loader.pid), daemon=True).start()


def _leave_at_its_word(signals: set[signal.Signals], loader: int | None) -> None:
    while signal.sigwaitinfo(signals).si_pid != loader:
        continue
    os._exit(0)
