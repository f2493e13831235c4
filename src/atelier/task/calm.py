"""What our users can do nothing about is not said while a run trains."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_TALKATIVE = ("pytorch_lightning", "lightning.pytorch", "lightning_fabric")


@contextmanager
def calm() -> Iterator[None]:
    """Silence Lightning's hints at workers, log intervals and its own products; afterwards all speak as before."""
    told = "WANDB_SILENT" in os.environ
    os.environ.setdefault("WANDB_SILENT", "true")
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    loud = logging.raiseExceptions
    logging.raiseExceptions = False  # a log on a full disk loses its lines, and says nothing in their place
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            _ignore()
            yield
    finally:
        logging.raiseExceptions = loud
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if not told:
            os.environ.pop("WANDB_SILENT", None)


def _ignore() -> None:
    warnings.filterwarnings("ignore", module="pytorch_lightning", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", module="pytorch_lightning", message=".*number of training batches.*")
    # The averaged generator is in evaluation mode for good.
    warnings.filterwarnings("ignore", message=".*module.s. in eval mode at the start of training.*")
    # Lightning's own calls of torch's old names.
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message="torch.distributed.nn.functional.all_gather is deprecated")
    # DDP compares strides of dimensions of one element too: there the gradient of a convolution of grey images, whose
    # channels lie side by side, has others than the weight, though both lie alike in memory.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
