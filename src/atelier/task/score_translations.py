"""Figures of a translator on any split, in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from omegaconf import DictConfig

from atelier.callback.translation_judge import TranslationJudge
from atelier.checkpoint import Loaded
from atelier.direction import WAYS, round_trip
from atelier.metric.extractor import Extractor
from atelier.metric.score import Score
from atelier.pixels import to_unit
from atelier.types import Direction, Domains, Translated, Translator, averages


@torch.no_grad()
def translation_scores(
    cfg: DictConfig, loaded: Loaded, data: Domains, extractor: Extractor, scores: Mapping[str, Score | None]
) -> dict[str, dict[str, Any]]:
    """Every figure with its floor, what the untouched input gets, and its protocol, as results.json has them."""
    model, size = loaded.model, min(cfg.batch_size, loaded.cfg.data.eval_batch_size)
    assert isinstance(model, Translator), "the caller has looked"
    judge = TranslationJudge(extractor, scores)
    judge.expect(data, cfg.split)
    judge.reset(model.device)
    for way in WAYS:
        for seen in _translated(model, data, way, cfg, size):
            judge.look(seen)
    judge.gather()
    judge.meet(data, cfg.batch_size)
    return judge.take(ema=averages(model)).entries(judge.names)


def _translated(model: Any, data: Domains, way: Direction, cfg: DictConfig, size: int) -> Iterator[Translated]:
    for batch in data.domain(WAYS[way][0]).reals(cfg.split, cfg.samples, batch_size=size):
        real = to_unit(batch.images).to(model.device)
        yield round_trip(model, real, batch.indices.to(model.device), way)
