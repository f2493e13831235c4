"""What a job has to do with the sweep that started it: it dies with it, asks it, and leaves its value to it.

The sweep holds the other end of the job's standard input. The end of that stream means that the sweep is gone; a line
in it answers a report that the job wrote to a file. Needs no torch: a job listens from its first moment.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from pathlib import Path

RESULT, REPORTS, PARENT_SCRIPT, VERB = "ATELIER_RESULT", "ATELIER_REPORTS", "ATELIER_SCRIPT", "ATELIER_VERB"
"""Environment of a job: the files for its value and its reports, what the user had called, and the job's verb."""

GO, PRUNE = "go", "prune"
"""The sweep's answers."""

_answers: queue.SimpleQueue[str] = queue.SimpleQueue()


def obey() -> None:
    """Listen to standard input from now on, in a thread that ends with the process."""
    threading.Thread(target=_listen, name="sweep-parent", daemon=True).start()


def _listen() -> None:
    for line in sys.stdin:
        _answers.put(line.strip())
    _answers.put(GO)  # nobody is left to prune; the signal decides
    os.kill(os.getpid(), signal.SIGTERM)


def prunes() -> bool:
    """Whether a sweep waits for this process's reports."""
    return REPORTS in os.environ


def verdict(step: int, value: float) -> bool:
    """Report validation number ``step`` (from 1) and wait for the answer: whether the run is to be given up."""
    with Path(os.environ[REPORTS]).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"step": step, "value": value}) + "\n")
    return _answers.get() == PRUNE


def deliver(value: object) -> None:
    """Leave a job's value to the sweep, if one waits for it; of a job's processes the first one does."""
    if RESULT not in os.environ or os.environ.get("LOCAL_RANK", "0") != "0":
        return
    plain = value if isinstance(value, str | int | float) else None
    Path(os.environ[RESULT]).write_text(json.dumps({"value": plain}), encoding="utf-8")
