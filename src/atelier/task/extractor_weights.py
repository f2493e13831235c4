"""The weights of an extractor of one's own, kept with the run that it scores."""

from __future__ import annotations

import shutil
from pathlib import Path

from omegaconf import DictConfig

from atelier.expanded import expanded
from atelier.run_folder import RunFolder
from atelier.whole_file import replacing

NAME = "extractor.pt"
"""In a run's folder."""


def keep_weights(cfg: DictConfig) -> None:
    """Copy the file that ``extractor.weights`` names, if it names one, into the run's folder."""
    source, kept = _file(cfg.extractor), Path(cfg.run_dir, NAME)
    if source is None or not source.is_file():
        return
    with source.open("rb") as weights, replacing(kept) as stream:
        shutil.copyfileobj(weights, stream)


def kept_extractor(extractor: DictConfig, checkpoint: Path) -> DictConfig:
    """The extractor that a run's checkpoint names, from the run's folder where the file that it names is gone."""
    source, kept = _file(extractor), RunFolder.of(checkpoint).path / NAME
    if source is None or source.exists() or not kept.is_file():
        return extractor
    found = extractor.copy()
    found.weights = str(kept)
    return found


def _file(extractor: DictConfig | None) -> Path | None:
    """The file of a classifier of one's own; shipped ones go by a bare name, and Inception is the same everywhere."""
    if extractor is None or extractor.get("_target_") != "atelier.metric.classifier.Classifier":
        return None
    weights = expanded(str(extractor.weights))
    return weights if weights.suffix else None
