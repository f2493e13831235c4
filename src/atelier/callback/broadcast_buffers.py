"""BatchNorm's buffers broadcast before a validation: several processes are one model when it is judged."""

from __future__ import annotations

import torch.distributed as dist
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn.modules.batchnorm import _BatchNorm


class BroadcastBuffers(Callback):
    """Before a validation, every process takes the first one's running statistics: what is scored is what is stored.

    They are means over the batches that a process has seen. DDP would hand them out before every step, but not where a
    model calls its optimizers itself: Lightning then tells it that no gradients are to be shared in the forward pass.
    A checkpoint has the first process's, so without this a run that goes on would be scored with others than one that
    never stopped.
    """

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hand out the statistics."""
        if trainer.world_size == 1:
            return
        for layer in pl_module.modules():
            if isinstance(layer, _BatchNorm):
                for statistic in layer.buffers():
                    dist.broadcast(statistic, src=0)
