"""Giving up a run of a sweep whose scores fall behind."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.callback.recorder import board_of, clock_of

log = logging.getLogger(__name__)


class Pruning(Callback):
    """Asks after every validation whether the run is worth going on with; ends it in order if it is not.

    The last epoch is not asked about. Everything that a finished run has is written; results.json says "pruned".

    verdict: given the number of the validation (from 1) and the figure that counts, whether to give up. It is called
        on the first rank alone and may wait for its answer.
    pruned: whether the run was given up.
    """

    def __init__(self, verdict: Callable[[int, float], bool]) -> None:
        self.verdict = verdict
        self.pruned = False

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ask, and pass the answer on to all ranks."""
        board = board_of(trainer)
        if trainer.sanity_checking or board is None or board.scored_at != clock_of(trainer).step:
            return
        rows = board.history.rows
        value = rows[-1].get(board.history.primary, math.nan)
        over = trainer.max_epochs is not None and clock_of(trainer).epoch >= trainer.max_epochs > 0
        if over or not math.isfinite(value):
            return
        answer = self.verdict(len(rows), value) if trainer.is_global_zero else False
        self.pruned = bool(trainer.strategy.broadcast(answer))
        if self.pruned:
            trainer.should_stop = True
            epoch = rows[-1]["epoch"]
            log.info("given up by the sweep after %s %.6g in epoch %g", board.history.primary, value, epoch)
