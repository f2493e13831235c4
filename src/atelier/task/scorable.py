"""Can the scores be taken of this data? Asked before any work is done for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from pytorch_lightning import Trainer

from atelier.callback.figures import try_on
from atelier.callback.translation_judge import TranslationJudge
from atelier.data.batches import OrderedBatches
from atelier.metric.extractor import Extractor
from atelier.metric.score import Demanding, Score
from atelier.metric.translation import WAYS
from atelier.task.listen import heard
from atelier.types import Domains, Features, Mistake, Reals

Made = Callable[[int], int]
"""How many fakes there will be where the split, or a domain of it, has so many images."""


def unscorable(  # noqa: PLR0917  # all six decide what is said
    extractor: Extractor, scores: Mapping[str, Score], data: Reals | Domains, split: str, made: Made, scarce: str
) -> list[str]:
    """What keeps ``split`` from being scored, all of it.

    extractor: with its weights.
    scores: by their names in ``metric``.
    scarce: how the user hears of a score that needs more images than there will be: its ``{name}``, what it ``{says}``.
    """
    objections: list[Callable[[], object]] = [lambda: try_on(extractor, data, split)]
    if isinstance(data, Domains):
        objections.append(lambda: TranslationJudge(extractor, scores).expect(data, split))
    mistakes = heard(objections)
    if not extractor.num_features:  # distances alone are taken, of any number
        return mistakes
    said = _objections(extractor, scores, _counts(data, split, made))
    return mistakes + [scarce.format(name=name, says=text) for name, text in said.items()]


def validates(trainer: Trainer) -> bool:
    """Whether the run comes to a validation."""
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    return bool(trainer.limit_val_batches) and (not every or epochs is None or epochs < 0 or every <= epochs)


def validated(trainer: Trainer, batch_size: int, size: int) -> int:
    """How many images a validation of a split of ``size`` goes through, in global batches of up to ``batch_size``."""
    pieces, limit = OrderedBatches(size, batch_size).pieces, trainer.limit_val_batches
    return sum(map(len, pieces[: limit if isinstance(limit, int) else int(limit * len(pieces))]))


def _counts(data: Reals | Domains, split: str, made: Made) -> list[tuple[int, int]]:
    """How many reals meet how many fakes."""
    if not isinstance(data, Domains):
        return [(data.size(split), made(data.size(split)))]
    sizes = {domain: data.domain(domain).size(split) for domain, _ in WAYS.values()}
    return [(sizes[target], made(sizes[source])) for source, target in WAYS.values()]


def _objections(extractor: Extractor, scores: Mapping[str, Score], counts: list[tuple[int, int]]) -> dict[str, str]:
    """What each score says to the first of ``counts`` that it needs more images than."""
    found: dict[str, str] = {}
    for real, fake in counts:
        for name, score in scores.items():
            try:
                if isinstance(score, Demanding):
                    score.demand(_unseen(extractor, real), _unseen(extractor, fake))
            except Mistake as mistake:
                found.setdefault(name, str(mistake))
    return found


def _unseen(extractor: Extractor, count: int) -> Features:
    """Features of ``count`` images in their shapes alone."""
    shape = [torch.empty(count, width, device="meta") for width in (extractor.num_features, extractor.classes) if width]
    return Features(shape[0], shape[1] if extractor.classes else None)
