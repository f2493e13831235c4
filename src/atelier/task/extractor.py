"""A small classifier of labelled data, whose features then score models on that data."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from atelier.config.build import build
from atelier.config.rehearse import refused
from atelier.metric.classifier_file import save
from atelier.metric.fit_classifier import Labelled, fit_classifier
from atelier.task.listen import below, heard
from atelier.types import Mistake

log = logging.getLogger(__name__)


def preflight(cfg: DictConfig) -> list[str]:
    """Numbers, and whether the data is there and labelled."""
    mistakes = below(cfg, {"epochs": 1, "seed": 0}) + refused(cfg)
    return mistakes or heard([lambda: _labelled(cfg, "train"), lambda: _labelled(cfg, "test")])


def run(cfg: DictConfig) -> float:
    """Fit on the train split, measure on the test split, write ``<data>_<hash>.pt``; returns the accuracy."""
    data = HydraConfig.get().runtime.choices["data"]
    weights = fit_classifier(
        _labelled(cfg, "train"),
        _labelled(cfg, "test"),
        data=data,
        size=cfg.data.image_size,
        epochs=cfg.epochs,
        seed=cfg.seed,
    )
    file = Path(cfg.run_dir) / f"{data}_{weights.digest()[:8]}.pt"
    file.parent.mkdir(parents=True, exist_ok=True)
    save(weights, file)
    log.info("%.2f %% of the held-out images right: %s", 100 * weights.accuracy, file)
    log.info("use it: python src/train.py data=%s extractor=classifier extractor.weights=%s", data, file)
    return weights.accuracy


def _labelled(cfg: DictConfig, split: str) -> Labelled:
    module: Any = build(cfg.data)
    module.prepare_data()
    batches = module.split(split)
    images = batches.images
    if images.labels is None:
        raise Mistake("data: a classifier needs labels, and this data has none")
    if images.pixels.dtype != torch.uint8:
        raise Mistake("data: points are scored as they are (extractor=points); a classifier is for pictures")
    return Labelled(images.pixels[batches.chosen], images.labels[batches.chosen])
