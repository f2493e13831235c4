"""Checkpoints that are there whole or not at all, and what else a full disk must not end."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning import Trainer

from atelier.whole_file import replacing

log = logging.getLogger(__name__)

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def sparing(path: Path) -> Iterator[None]:
    """A block that writes to ``path``, which stays as it was on a full disk: this is said, and training goes on."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch's writer may answer with an error of its own
        if not is_full(error):
            raise
        kept = "the former one is kept" if path.exists() else "there is none yet"
        log.warning("the disk is full: %s was not written, %s; training goes on", path, kept)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's plugin for checkpoints, each of them whole or not at all; one of ``Trainer(plugins=...)``.

    Lightning's own writes to the system's temporary folder and moves the file: where that is another file
    system, a kill in the middle leaves a torn checkpoint under the final name.

    On a full disk the former file stays, and training goes on: space may be made before the next one.

    full: whether the last checkpoint found no room.
    """

    def __init__(self) -> None:
        super().__init__()
        self.full = False

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write ``checkpoint`` to ``path``, or leave ``path`` as it was: say so if the disk is full, else raise."""
        assert storage_options is None, "local files have no storage options"
        file, self.full = Path(path), True
        with sparing(file):
            with replacing(file) as stream:
                torch.save(checkpoint, stream)
            self.full = False


def unsaved(trainer: Trainer) -> bool:
    """Whether the last checkpoint found no room, by what the first rank saw."""
    plugin = trainer.strategy.checkpoint_io
    full = isinstance(plugin, AtomicCheckpointIO) and plugin.full
    return trainer.strategy.broadcast(full) if trainer.world_size > 1 else full


def is_full(error: BaseException | None) -> bool:
    """Whether ``error`` comes from a disk without room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False
