"""One process at a time writes to a run's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
from pytorch_lightning.utilities import rank_zero_only

from atelier.config.resume import holds_run, occupied
from atelier.types import Mistake


@contextmanager
def claimed(folder: Path, *, new: bool) -> Iterator[None]:
    """The folder belongs to this run while the block lasts; the system gives it free if the process is killed.

    Of a run's processes the first one claims it for all.

    new: a run begins here, and does not go on.

    Raises:
        Mistake: if another process is at work in it, or if a new run would write into an old one.
    """
    if not is_first():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Mistake(f"{folder}: another process is writing to this run; wait for its end, or stop it") from None
    try:
        if new and holds_run(folder) and not _requeued(folder):
            raise Mistake(f"{folder}: {occupied(folder)}")
        yield
    finally:
        lock.release()


def is_first() -> bool:
    """Whether this is the first of the run's processes."""
    rank: int = rank_zero_only.rank  # type: ignore[attr-defined]  # Lightning hangs it on the function
    return rank == 0


def _requeued(folder: Path) -> bool:
    """Whether SLURM starts the same command again; Lightning then goes on from a checkpoint that it saved."""
    return "SLURM_RESTART_COUNT" in os.environ and any(folder.glob("hpc_ckpt_*.ckpt"))
