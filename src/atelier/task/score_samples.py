"""Figures of a sampler's fakes against the reals of any split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor

from atelier.callback.likeness import Likeness
from atelier.checkpoint import Loaded
from atelier.metric.extractor import Extractor
from atelier.metric.score import Score
from atelier.types import Mistake, Reals, averages


def sample_scores(
    cfg: DictConfig, loaded: Loaded, data: Reals, extractor: Extractor, scores: Mapping[str, Score]
) -> dict[str, dict[str, Any]]:
    """Every figure of ``cfg.samples`` fakes (None: as many as the split has reals), with its floor and its protocol."""
    model: Any = loaded.model
    size = data.size(cfg.split)
    count = cfg.samples or size
    classes = classes_of_fakes(model, data, cfg, count)
    likeness = Likeness(extractor, scores)
    likeness.reset(model.device)
    for places in torch.split(torch.arange(count), cfg.batch_size):
        labels = None if classes is None else classes[places].to(model.device)
        likeness.look(places, model.sample(len(places), seed=cfg.seed, start=int(places[0]), labels=labels))
    likeness.gather()
    likeness.meet(data, cfg.split, size, cfg.batch_size)
    return likeness.take(ema=averages(model), seed=cfg.seed, split=cfg.split).entries(likeness.names)


def classes_of_fakes(model: object, data: Reals, cfg: DictConfig, count: int) -> Tensor | None:
    """The classes of ``count`` fakes, as frequent as among the split's reals; None for a model that is told of none.

    Where there is one fake for each real it has the real's class, as at a training's validations.

    Raises:
        Mistake: if a real has none.
    """
    if getattr(model, "num_classes", None) is None:
        return None
    labels = [batch.labels for batch in data.reals(cfg.split, batch_size=cfg.batch_size)]
    if any(part is None for part in labels):
        raise Mistake(f"split={cfg.split}: this model is told of classes, and some of these images have none")
    known = torch.cat([part for part in labels if part is not None])
    return known[torch.arange(count) * len(known) // count]
