"""Keeping jobs at work side by side, and ending them with the sweep."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from hydra_plugins.atelier_process._job import Job

log = logging.getLogger(__name__)

_PAUSE = 0.1  # seconds between two looks at the jobs
_PATIENCE = 60  # seconds in which a job that is told to stop may save


def tend(
    places: int,
    begin: Callable[[int], Job | None],
    end: Callable[[Job], None],
    listen: Callable[[Job], None] = lambda job: None,
) -> None:
    """Keep up to ``places`` jobs at work until there are no more, and repeat what they say.

    begin: starts a job in the place of that number (from 0), or returns None if there is none to start; it is asked
        again whenever a job has ended.
    end: called with each job that has ended, also early with the sweep. listen: called with each job many times a
        second, the last time after it has ended by itself and before ``end``.
    """
    at_work: dict[int, Job] = {}
    more = True
    with minding(at_work.values(), end):
        while more or at_work:
            for place in range(places):
                if more and place not in at_work:
                    job = begin(place)
                    more = job is not None
                    if job is not None:
                        at_work[place] = job
            for place, job in list(at_work.items()):
                over = not job.running()
                job.echo()
                listen(job)
                if over:
                    del at_work[place]  # first, so that it ends once, whatever becomes of this
                    end(job)
                    more = True
            time.sleep(_PAUSE)


@contextmanager
def minding(jobs: Collection[Job], end: Callable[[Job], None]) -> Iterator[None]:
    """While the block lasts, whatever ends it early also ends ``jobs`` in order; a second Ctrl-C at once.

    end: called with each of them once it has ended.
    """

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    main = threading.current_thread() is threading.main_thread()
    former: Any = signal.signal(signal.SIGTERM, leave) if main else None
    try:
        yield
    except BaseException:
        _stop(jobs, end)
        raise
    finally:
        if main:
            signal.signal(signal.SIGTERM, former)


def _stop(jobs: Collection[Job], end: Callable[[Job], None]) -> None:
    if jobs:
        log.info("stopping %s", ", ".join(f"#{job.number}" for job in jobs))
    try:
        for job in jobs:
            job.stop()
        until = time.monotonic() + _PATIENCE
        while any(job.running() for job in jobs) and time.monotonic() < until:
            time.sleep(_PAUSE)
    finally:
        for job in jobs:
            job.kill()
        for job in jobs:
            job.echo()
            end(job)
