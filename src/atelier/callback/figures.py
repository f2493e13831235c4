"""Figures under their public names, and the protocol that makes them comparable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from atelier.metric.cache import cached_features
from atelier.metric.extractor import Extractor, extract
from atelier.metric.score import Score, Sized, score_name
from atelier.types import Domains, Features, Reals


def public_names(scores: Mapping[str, Score], extractor: Extractor) -> dict[str, bool]:
    """Every figure that ``scores`` can give, in their order: name → whether higher is better."""
    return {
        score_name(name, extractor.name): higher for score in scores.values() for name, higher in score.names.items()
    }


def figures(scores: Mapping[str, Score], extractor: Extractor, real: Features, fake: Features) -> dict[str, float]:
    """All figures of ``fake`` against ``real`` by public name."""
    return {
        score_name(name, extractor.name): value
        for score in scores.values()
        for name, value in score(real, fake).items()
    }


def try_on(extractor: Extractor, data: Reals | Domains, split: str) -> None:
    """Let the prepared ``extractor`` see one real image, of each domain where there are two.

    Raises:
        Mistake: if it is not made for such images.
    """
    for reals in [data.domain("a"), data.domain("b")] if isinstance(data, Domains) else [data]:
        for batch in reals.reals(split, 1):
            extractor(batch.images)


def real_features(  # noqa: PLR0917  # all six decide what comes out
    extractor: Extractor, data: Reals, split: str, count: int | None, device: torch.device, batch_size: int = 256
) -> Features:
    """Features of ``count`` reals of ``split`` (None: all) on ``device``, from the cache on disk if they are there."""

    def made() -> Features:
        batches = data.reals(split, count, batch_size=batch_size)
        return extract(extractor, (batch.images for batch in batches), device)

    kept = cached_features(extractor, data.fingerprint(split), split, count, made)
    return Features(kept.features.to(device), None if kept.logits is None else kept.logits.to(device))


def protocol(extractor: Extractor, *, real: int, fake: int, ema: bool, seed: int | None) -> dict[str, Any]:
    """What has to be equal before two figures may be compared.

    real, fake: number of images on each side. ema: whether the averaged generator made the fakes. seed: of
    their latents, or None where fakes are reconstructions. Where there are fewer than two images per feature,
    a warning says that their number biases the figure.
    """
    words: dict[str, Any] = {
        "extractor": extractor.name,
        "identity": extractor.identity,
        "features": extractor.num_features,
        "resize": extractor.resize,
        "real": real,
        "fake": fake,
        "ema": ema,
        "seed": seed,
    }
    if min(real, fake) < 2 * extractor.num_features:
        words["warning"] = (
            f"only {min(real, fake)} images for {extractor.num_features} features: "
            "a Fréchet distance is biased upwards here; compare it with the floor, "
            "not with figures from other numbers of images"
        )
    return words


def protocols(
    scores: Mapping[str, Score], extractor: Extractor, common: Mapping[str, Any], *, real: int, fake: int
) -> dict[str, dict[str, Any]]:
    """Every figure's protocol by public name: ``common``, and the numbers that its own score works with."""
    return {
        score_name(name, extractor.name): {
            **common,
            **(score.protocol(real=real, fake=fake) if isinstance(score, Sized) else {}),
        }
        for score in scores.values()
        for name in score.names
    }
