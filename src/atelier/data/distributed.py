"""Distributed data modules: their place among the processes of a run."""

from __future__ import annotations

from pytorch_lightning import LightningDataModule


class DistributedData(LightningDataModule):
    """A data module that knows which of the processes it serves; without a trainer it is the only one."""

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer is not None else 0

    @property
    def _world(self) -> int:
        return self.trainer.world_size if self.trainer is not None else 1
