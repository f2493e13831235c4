"""A small classifier of labelled data, whose features then score models on that data."""

from __future__ import annotations

import logging
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from atelier.callback.words import called
from atelier.config.build import build
from atelier.config.dry_run import dry_run
from atelier.data.batches import BatchSet, Draw
from atelier.metric.classifier_file import save
from atelier.metric.fit_classifier import Labelled, fit_classifier
from atelier.task.collect_mistakes import below, heard
from atelier.types import Mistake

log = logging.getLogger(__name__)


def preflight(cfg: DictConfig) -> list[str]:
    """Numbers, and whether the data is there and labelled."""
    return wrong_values(cfg) or heard([lambda: _try(cfg)])


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    return below(cfg, {"epochs": 1, "seed": 0}) + dry_run(cfg)


def _try(cfg: DictConfig) -> None:
    data = _prepared(cfg)
    for split in ("train", "test"):
        _labelled(data.split(split), 1)


def run(cfg: DictConfig) -> float:
    """Fit on the train split, measure on the test split, write ``<data>_<hash>.pt``; returns the accuracy."""
    name, data = HydraConfig.get().runtime.choices["data"], _prepared(cfg)
    weights = fit_classifier(
        _labelled(data.split("train")),
        _labelled(data.split("test")),
        data=name,
        size=cfg.data.image_size,
        epochs=cfg.epochs,
        seed=cfg.seed,
    )
    file = Path(cfg.run_dir) / f"{name}_{weights.digest()[:8]}.pt"
    file.parent.mkdir(parents=True, exist_ok=True)
    save(weights, file)
    log.info("%.2f %% of the held-out images right: %s", 100 * weights.accuracy, file)
    of_data = [word for word in HydraConfig.get().overrides.task if re.match(r"\W*data\b", word)]
    words = shlex.join([*of_data, "extractor=classifier", f"extractor.weights={file}"])
    log.info("use it: %s %s", called("train"), words)
    return weights.accuracy


def _prepared(cfg: DictConfig) -> Any:
    data = build(cfg.data)
    data.prepare_data()
    return data


def _labelled(images: BatchSet, count: int | None = None) -> Labelled:
    """All images with their classes, or the first ``count``."""
    batch = images[Draw(0, 0.0, np.arange(len(images))[:count])]
    if batch.labels is None:
        raise Mistake("data: a classifier needs labels, and this data has none, or not for every image")
    if batch.images.dtype != torch.uint8:
        raise Mistake("data: points are scored as they are (extractor=points); a classifier is for pictures")
    return Labelled(batch.images, batch.labels)
