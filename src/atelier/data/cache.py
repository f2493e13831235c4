"""How derived files come to lie in the cache: once, and whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from atelier.cachedir import cache_dir
from atelier.types import Mistake


@contextmanager
def lock(name: str) -> Iterator[None]:
    """A block that one process of this machine at a time is in, per ``name``.

    Raises Mistake where the cache cannot be written to.
    """
    locks = cache_dir("locks")
    try:
        locks.mkdir(parents=True, exist_ok=True)
        held = FileLock(locks / f"{name}.lock")
        held.acquire()
    except OSError as error:
        raise Mistake(
            f"{cache_dir()}: cannot keep a cache here ({error}); name another folder in ATELIER_CACHE"
        ) from error
    try:
        yield
    finally:
        held.release()


@contextmanager
def whole(target: Path, family: str) -> Iterator[Path]:
    """A new folder to fill, which becomes ``target`` when the block ends well, and vanishes when it does not.

    The rename is atomic, so ``target`` is whole wherever it exists, unless somebody has taken a part of it away: then
    it is replaced. To be called under the :func:`lock` of its ``family``, with which its name begins: what killed
    processes have left of that is swept away first.
    """
    for stale in target.parent.glob(f".{family}*"):
        shutil.rmtree(stale)
    building = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        building.mkdir(parents=True)
        yield building
        for file in building.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)
    except OSError as error:
        raise Mistake(f"{target}: could not be written ({error}); ATELIER_CACHE names the folder of caches") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
