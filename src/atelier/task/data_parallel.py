"""Data parallelism: whether several devices can share a batch."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy

from atelier.config.cluster import cluster_process
from atelier.config.devices import PLAIN, SHARED


def data_parallel_mistakes(cfg: DictConfig, trainer: Trainer) -> list[str]:
    """Why the devices of ``trainer`` cannot train together."""
    mistakes = []
    here = cluster_process()
    chosen, world = cfg.trainer.get("strategy", "auto"), trainer.num_devices * trainer.num_nodes
    way = PLAIN if OmegaConf.select(cfg, "model.facts.players") == 1 else SHARED
    alike = isinstance(trainer.strategy, SingleDeviceStrategy) or (
        type(trainer.strategy) is DDPStrategy and trainer.strategy._start_method == "popen"
    )
    if not alike or (world > 1 and chosen not in (way, SHARED)):
        mistakes.append(f"trainer.strategy={chosen}: devices share batches by {way}; leave it out")
    if here is not None and here.world not in (None, world):
        mistakes.append(
            f"{here.world} processes were started, and trainer.devices={cfg.trainer.devices} with trainer.num_nodes="
            f"{trainer.num_nodes} wants {world}: start one process per device (trainer=ddp)"
        )
    if cfg.data.batch_size % world:
        near = max(1, round(cfg.data.batch_size / world)) * world
        mistakes.append(
            f"data.batch_size={cfg.data.batch_size}: is shared by {world} devices, so it must divide by {world}; "
            f"the nearest is {near}"
        )
    parts = cfg.model.get("parts", 1)
    if isinstance(parts, int) and cfg.data.batch_size // world < parts:
        mistakes.append(f"model.parts={parts}: a device has {cfg.data.batch_size // world} images of each batch")
    return mistakes
