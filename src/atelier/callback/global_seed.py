"""The seed of torch's global generator, from which dropout draws."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from atelier.moment import Moment


class GlobalSeed(Callback):
    """Sets the global generator before every training batch: what it gives is a function of (seed, step, rank).

    Everything of ours draws from a :class:`~atelier.moment.Moment`; torch's own layers, such as dropout, cannot be told
    to. So nothing has to be stored to continue a run, and a validation cannot move the training's chance.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Go to the beginning of the batch's stream."""
        moment = Moment(self.seed, batch.step)
        torch.manual_seed(moment.generator(f"global/{trainer.global_rank}").initial_seed())
