"""Figures of an autoencoder's reconstructions on any split: what they lose, and how like the reals they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig

from atelier.callback.likeness import Likeness
from atelier.checkpoint import Loaded
from atelier.metric.distortion import Distortion
from atelier.metric.extractor import Extractor
from atelier.metric.score import Score
from atelier.metric.taken import Taken, joined
from atelier.pixels import as_unit
from atelier.types import Reals, averages


def reconstruction_scores(
    cfg: DictConfig, loaded: Loaded, data: Reals, extractor: Extractor, scores: Mapping[str, Score]
) -> dict[str, dict[str, Any]]:
    """Every figure of ``cfg.samples`` images (None: of all), with its protocol."""
    model: Any = loaded.model
    device, size = model.device, data.size(cfg.split)
    likeness, distortion = Likeness(extractor, scores), Distortion()
    likeness.reset(device)
    start = 0
    for batch in data.reals(cfg.split, cfg.samples, batch_size=cfg.batch_size):
        images = as_unit(batch.images)
        made = model.reconstruct(images.to(device))
        distortion.update(images, made.cpu())
        likeness.look(torch.arange(start, start + len(made)), made)
        start += len(made)
    likeness.gather()
    likeness.meet(data, cfg.split, size, cfg.batch_size)
    lost = Taken(distortion.compute(), {}, {}, distortion.protocol(cfg.split))
    taken = joined(lost, likeness.take(ema=averages(model), seed=None, split=cfg.split))
    return taken.entries({**Distortion.names, **likeness.names})
