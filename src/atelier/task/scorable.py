"""Can the scores be taken of this data? Asked before any work is done for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

import torch
from pytorch_lightning import Trainer

from atelier.callback.figures import try_on
from atelier.callback.translation_judge import TranslationJudge
from atelier.data.batches import OrderedBatches
from atelier.direction import DOMAINS, WAYS
from atelier.metric.extractor import Extractor
from atelier.metric.score import Demanding, Score
from atelier.task.collect_mistakes import heard
from atelier.types import Domains, Features, Mistake, Reals

Made = Callable[[int], int]
"""How many fakes there will be where the split, or a domain of it, has so many images."""


def unscorable(extractor: Extractor, scores: Mapping[str, Score], data: Reals | Domains, split: str) -> list[str]:
    """What keeps ``split`` from being scored, however many images it has.

    extractor: with its weights.
    scores: by their names in ``metric``.
    """
    objections: list[Callable[[], object]] = [lambda: try_on(extractor, data, split)]
    if isinstance(data, Domains):
        objections.append(lambda: TranslationJudge(extractor, scores).expect(data, split))
    return heard(objections)


def check_number(data: Reals | Domains, split: str, samples: int | None) -> None:
    """Find out whether ``split`` has ``samples`` images to make others of, each domain where there are two.

    Raises:
        Mistake: if not, naming the domain.
    """
    named = {f"domain {name}: ": data.domain(name) for name in DOMAINS} if isinstance(data, Domains) else {"": data}
    for name, reals in named.items():
        try:
            next(iter(reals.reals(split, samples)))
        except Mistake as mistake:
            raise Mistake(f"samples={samples}: {name}{mistake}") from None


def too_few(
    extractor: Extractor, scores: Mapping[str, Score], data: Reals | Domains, split: str, made: Made
) -> dict[str, str]:
    """What each score says, by its name, that needs more images than there are in ``split`` or will be made."""
    if not extractor.num_features:  # distances alone are taken, of any number
        return {}
    found: dict[str, str] = {}
    for real, fake in _counts(data, split, made):
        for name, score in scores.items():
            try:
                if isinstance(score, Demanding):
                    score.demand(_unseen(extractor, real), _unseen(extractor, fake))
            except Mistake as mistake:
                found.setdefault(name, str(mistake))
    return found


def validates(trainer: Trainer) -> bool:
    """Whether the run comes to a validation."""
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    return bool(trainer.limit_val_batches) and (not every or epochs is None or epochs < 0 or every <= epochs)


def validated(trainer: Trainer, batch_size: int, size: int) -> int:
    """How many images a validation of a split of ``size`` goes through, in global batches of up to ``batch_size``."""
    draws, limit = OrderedBatches(size, batch_size), trainer.limit_val_batches
    most = limit if isinstance(limit, int) else int(limit * len(draws))
    return sum(len(draw.indices) for draw in islice(draws, most))


def _counts(data: Reals | Domains, split: str, made: Made) -> list[tuple[int, int]]:
    """How many reals meet how many fakes."""
    if not isinstance(data, Domains):
        return [(data.size(split), made(data.size(split)))]
    sizes = {domain: data.domain(domain).size(split) for domain, _ in WAYS.values()}
    return [(sizes[target], made(sizes[source])) for source, target in WAYS.values()]


def _unseen(extractor: Extractor, count: int) -> Features:
    """Features of ``count`` images in their shapes alone."""
    shape = [torch.empty(count, width, device="meta") for width in (extractor.num_features, extractor.classes) if width]
    return Features(shape[0], shape[1] if extractor.classes else None)
