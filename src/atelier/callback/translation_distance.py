"""How far translations are from their target domain, by an extractor's features."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from atelier.callback.figures import figures, floor, protocol, protocols, public_names, real_features, see
from atelier.direction import WAYS
from atelier.metric.extractor import Extractor
from atelier.metric.feature_bank import FeatureBank
from atelier.metric.score import Score
from atelier.metric.translation import Taken
from atelier.types import Direction, Domain, Domains, Features, Translated


class TranslationDistance:
    """Scores of each direction's fakes against all reals of the target domain.

    Beside each figure stands what the sources themselves would get in the fakes' place ("untouched"), and its floor:
    as many reals of the target's other split in their place.

    extractor: what turns images into features. scores: the figures by any name.
    """

    def __init__(self, extractor: Extractor, scores: Mapping[str, Score]) -> None:
        assert scores, "nothing to score by"
        self.extractor, self.scores = extractor, scores
        # A score remembers what it derived from the last reals; so each direction has its own.
        self._scores = {direction: copy.deepcopy(dict(scores)) for direction in WAYS}
        self._banks = {direction: FeatureBank() for direction in WAYS}
        self._fakes: dict[Direction, Features] = {}
        self._reals: dict[Domain, Features] = {}
        self._split = ""
        self._beside: tuple[tuple[Any, ...], dict[str, float], dict[str, float]] = ((), {}, {})

    @property
    def stems(self) -> dict[str, bool]:
        """The figures without their directions, in their order, each with whether a higher value is better."""
        return public_names(self.scores, self.extractor)

    @property
    def names(self) -> dict[str, bool]:
        """All figures, each with whether a higher value is better."""
        return {f"{stem}_{way}": higher for stem, higher in self.stems.items() for way in WAYS}

    def reset(self, device: torch.device | str) -> None:
        """Forget the last pass; the next one's images lie on ``device``."""
        self.extractor.to(device)
        for bank in self._banks.values():
            bank.to(device)
            bank.reset()

    def look(self, seen: Translated) -> None:
        """Add a batch of fakes."""
        self._banks[seen.direction].update(seen.indices, see(self.extractor, seen.fake))

    def gather(self) -> None:
        """Bring the fakes of all ranks together; every rank has to ask."""
        self._fakes = {way: bank.compute() for way, bank in self._banks.items()}

    def meet(self, data: Domains, split: str, batch_size: int = 256) -> None:
        """Look at the reals that the gathered fakes need, once for a split, or read them from the cache on disk."""
        if split != self._split:
            self._split, self._reals = split, {}
            for way, (_, target) in WAYS.items():
                reals, device = data.domain(target), self._fakes[way].features.device
                self._reals[target] = real_features(self.extractor, reals, split, None, device, batch_size)
        key = (split, *(len(fake.features) for fake in self._fakes.values()))
        if key != self._beside[0]:
            self._beside = (key, self._floor(data, batch_size), self._untouched())

    def take(self, *, ema: bool) -> Taken:
        """The figures. ema: whether averaged generators made the fakes."""
        values: dict[str, float] = {}
        words: dict[str, dict[str, Any]] = {}
        for way, (_, target) in WAYS.items():
            fake, real = self._fakes[way], self._reals[target]
            values |= self._named(way, real, fake)
            sizes = {"real": len(real.features), "fake": len(fake.features)}
            common = protocol(self.extractor, **sizes, ema=ema, seed=None) | {"direction": way, "split": self._split}
            told = protocols(self.scores, self.extractor, common, **sizes)
            words |= {f"{name}_{way}": own for name, own in told.items()}
        _, floor, untouched = self._beside
        return Taken(values, dict(floor), dict(untouched), words)

    def _floor(self, data: Domains, batch_size: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for way, (_, target) in WAYS.items():
            reals, count = data.domain(target), len(self._fakes[way].features)
            taken = floor(self._scores[way], self.extractor, reals, self._split, self._reals[target], count, batch_size)
            found |= _of(way, taken)
        return found

    def _untouched(self) -> dict[str, float]:
        untouched: dict[str, float] = {}
        for way, (source, target) in WAYS.items():
            untouched |= self._named(way, self._reals[target], self._reals[source])
        return untouched

    def _named(self, way: Direction, real: Features, fake: Features) -> dict[str, float]:
        return _of(way, figures(self._scores[way], self.extractor, real, fake))


def _of(way: Direction, figures: Mapping[str, float]) -> dict[str, float]:
    return {f"{stem}_{way}": value for stem, value in figures.items()}
