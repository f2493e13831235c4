"""Images to codes: one file that NumPy opens."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig

from atelier.checkpoint import load, read
from atelier.counted import counted
from atelier.task.collect_mistakes import below, heard
from atelier.task.device import best_device
from atelier.task.inputs import in_batches, inputs, wrong_source
from atelier.types import Encoder, Mistake
from atelier.whole_file import replacing

log = logging.getLogger(__name__)


def preflight(cfg: DictConfig) -> list[str]:
    """Numbers, the checkpoint, whether its model makes codes, and the images."""
    return wrong_values(cfg) or heard([lambda: _try(cfg)])


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    return below(cfg, {"batch_size": 1}) + wrong_source(cfg) + heard([lambda: read(cfg.ckpt)], prefix="ckpt=")


def _try(cfg: DictConfig) -> None:
    loaded = load(cfg.ckpt)
    if not isinstance(loaded.model, Encoder):
        raise Mistake(f"ckpt={cfg.ckpt}: this model makes no codes; train one with model=autoencoder")
    inputs(cfg, loaded)


@torch.no_grad()
def run(cfg: DictConfig) -> None:
    """Write codes.npz: ``codes`` ``[N, K]`` float32, ``labels`` ``[N]`` (-1 unless all have one), ``names`` ``[N]``."""
    loaded = load(cfg.ckpt)
    device = best_device()
    model, given = loaded.model.to(device), inputs(cfg, loaded)
    assert isinstance(model, Encoder)
    coded, labels = [], []
    for batch in in_batches(given, cfg.batch_size, device):
        coded.append(model.encode(batch.images).float().cpu())
        labels.append(batch.labels)
    codes, known = torch.cat(coded), [some for some in labels if some is not None]
    # Not batch by batch: the result does not depend on their size.
    truth = torch.cat(known) if len(known) == len(labels) else torch.full((len(codes),), -1)
    file = Path(cfg.run_dir) / "codes.npz"
    with replacing(file) as stream:
        np.savez(stream, codes=codes.numpy(), labels=truth.numpy(), names=np.array(given.names))
    log.info("codes of %s, %d numbers each: %s", counted(len(codes), "image"), codes.shape[1], file)
