"""How far translations are from their target domain, by an extractor's features."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import torch

from atelier.callback.likeness import Likeness
from atelier.direction import BACK, WAYS
from atelier.metric.extractor import Extractor
from atelier.metric.score import Score
from atelier.metric.taken import Taken
from atelier.types import Direction, Domains, Translated

T = TypeVar("T")


class TranslationDistance:
    """Scores of each direction's fakes against all reals of the target domain.

    Beside each figure stands what the sources themselves would get in the fakes' place ("untouched"), and its floor:
    as many reals of the target's other split in their place.

    extractor: what turns images into features. scores: the figures by any name.
    """

    def __init__(self, extractor: Extractor, scores: Mapping[str, Score]) -> None:
        self.extractor = extractor
        self._likeness = {way: Likeness(extractor, copy.deepcopy(dict(scores))) for way in WAYS}
        self._split = ""
        self._untouched: dict[str, float] = {}

    @property
    def stems(self) -> dict[str, bool]:
        """The figures without their directions, in their order, each with whether a higher value is better."""
        return next(iter(self._likeness.values())).names

    @property
    def names(self) -> dict[str, bool]:
        """All figures, each with whether a higher value is better."""
        return {f"{stem}_{way}": higher for stem, higher in self.stems.items() for way in WAYS}

    def prepare(self) -> None:
        """Have the extractor's weights, or raise Mistake saying why not."""
        for likeness in self._likeness.values():
            likeness.prepare()

    def reset(self, device: torch.device | str) -> None:
        """Forget the last pass; the next one's images lie on ``device``."""
        for likeness in self._likeness.values():
            likeness.reset(device)

    def look(self, seen: Translated) -> None:
        """Add a batch of fakes."""
        self._likeness[seen.direction].look(seen.indices, seen.fake)

    def gather(self) -> None:
        """Bring the fakes of all ranks together; every rank has to ask."""
        for likeness in self._likeness.values():
            likeness.gather()

    def meet(self, data: Domains, split: str, batch_size: int = 256) -> None:
        """Look at the reals that the gathered fakes need, once for a split, or read them from the cache on disk."""
        for way, likeness in self._likeness.items():
            likeness.meet(data.domain(WAYS[way][1]), split, None, batch_size)
        if split != self._split:
            self._split, self._untouched = split, {}
            for way, likeness in self._likeness.items():
                # A direction's sources are the reals of the way back.
                self._untouched |= _of(way, likeness.of(self._likeness[BACK[way]].real))

    def take(self, *, ema: bool) -> Taken:
        """The figures. ema: whether averaged generators made the fakes."""
        values: dict[str, float] = {}
        floor: dict[str, float] = {}
        words: dict[str, dict[str, Any]] = {}
        for way, likeness in self._likeness.items():
            taken = likeness.take(ema=ema, seed=None, direction=way, split=self._split)
            values |= _of(way, taken.values)
            floor |= _of(way, taken.floor)
            words |= _of(way, taken.protocol)
        return Taken(values, floor, dict(self._untouched), words)


def _of(way: Direction, named: Mapping[str, T]) -> dict[str, T]:
    return {f"{stem}_{way}": value for stem, value in named.items()}
