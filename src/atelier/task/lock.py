"""One process at a time writes to a run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
from pytorch_lightning.utilities import rank_zero_only

from atelier.config.resume import left_early, occupied
from atelier.run_folder import RunFolder
from atelier.types import Mistake


@contextmanager
def claimed(folder: Path, *, new: bool) -> Iterator[None]:
    """The folder belongs to this run while the block lasts; the system gives it free if the process is killed.

    Of a run's processes the first one claims it for all.

    new: a run begins here, and does not go on.

    Raises:
        Mistake: if another process is at work in it, if a new run would write into an old one, or if nothing can be
            written there.
    """
    if not is_first():
        yield
        return
    run, lock = RunFolder(folder), filelock.FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Mistake(f"{folder}: another process is writing to this run; wait for its end, or stop it") from None
    except OSError as error:
        raise Mistake(f"{folder}: cannot be written to ({error.strerror})") from error
    try:
        if new and left_early(run):
            run.metrics.unlink(missing_ok=True)  # its rows come again
        elif new and run.begun:
            raise Mistake(f"{folder}: {occupied(folder)}")
        yield
    finally:
        lock.release()


def is_first() -> bool:
    """Whether this is the first of the run's processes."""
    rank: int = rank_zero_only.rank  # type: ignore[attr-defined]  # Lightning hangs it on the function
    return rank == 0
