"""What every download has in common, whoever makes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from atelier.data import cache
from atelier.patience import patient
from atelier.types import Mistake

BY_ROOT = "data.root=<folder> (root=<folder> for a stored model)"
"""The word that names a folder of data, in training and after it."""


@contextmanager
def downloading(name: str, root: Path, by_hand: str) -> Iterator[None]:
    """A block that downloads into ``root``, one process at a time.

    Raises Mistake when the block fails: with the reason, and ``by_hand``, what the user can do instead.
    Folders that were made for nothing are removed.
    """
    with cache.lock(f"download-{hashlib.blake2b(str(root.absolute()).encode(), digest_size=8).hexdigest()}"), patient():
        missing = [folder for folder in (root, *root.parents) if not folder.exists()]
        before = _folders(root)
        try:
            yield
        except (OSError, RuntimeError) as error:
            _remove_empty([*sorted(_folders(root) - before, reverse=True), *missing])
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise Mistake(f"{name} could not be downloaded into {root}: {reason}\nBy hand: {by_hand}") from error


def _folders(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_dir()}


def _remove_empty(made: list[Path]) -> None:
    for folder in made:
        # One that holds something, or was not made after all, stays as it is.
        with suppress(OSError):
            folder.rmdir()
