"""Where within an epoch a run can be saved so that it goes on as if nothing had happened."""

from __future__ import annotations

import math

from pytorch_lightning import Trainer

ASK_EVERY = 10
"""Batches between two questions that the processes of a run must agree on: each costs a wait for the slowest."""


def between_batches(trainer: Trainer, batch_idx: int) -> bool:
    """Whether a state saved after batch ``batch_idx`` is continued by the next batch.

    After an epoch's last batch the epoch's end is still to come, and Lightning leaves it out when it continues a state
    saved there; so it does with a validation within the epoch: where one follows every batch, none is followed by a
    batch, and a run is saved at the ends of epochs alone. Nor is there a place for gradients that several batches sum
    up: the next batch has to begin a sum.
    """
    every = trainer.val_check_batch
    if trainer.is_last_batch or (batch_idx + 1) % trainer.accumulate_grad_batches:
        return False
    if not every or math.isinf(every):
        return True
    counted = batch_idx if trainer.check_val_every_n_epoch is not None else trainer.fit_loop.total_batch_idx
    return (counted + 1) % every != 0
