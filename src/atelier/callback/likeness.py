"""How like the reals a pass of fakes is, by an extractor's features."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from atelier.callback.figures import figures, protocol, protocols, public_names, real_features
from atelier.metric.extractor import Extractor
from atelier.metric.feature_bank import FeatureBank
from atelier.metric.score import Score
from atelier.metric.taken import Taken
from atelier.types import Features, Mistake, Reals

log = logging.getLogger(__name__)


class Likeness:
    """Scores of the fakes of a pass against the reals of a split, by public name.

    Reals are looked at once for a split and a number of them, and their features kept, also on disk. The floor is the
    same figure with as many reals of the other split in the fakes' place.

    extractor: what turns images into features; with one of no features there are no figures.
    scores: the figures by any name; they remember what they derive from the reals, so they serve one likeness alone.
    """

    def __init__(self, extractor: Extractor, scores: Mapping[str, Score]) -> None:
        self.extractor, self.scores = extractor, scores if extractor.num_features else {}
        self.real = self.fake = Features(torch.empty(0, 0), None)
        self._bank = FeatureBank()
        self._met: tuple[str, int | None, int] | None = None
        self._floor: dict[str, float] = {}

    @property
    def names(self) -> dict[str, bool]:
        """All figures, in their order, each with whether a higher value is better."""
        return public_names(self.scores, self.extractor)

    def prepare(self) -> None:
        """Have the extractor's weights, or raise Mistake saying why not."""
        if self.scores:
            self.extractor.prepare()

    def reset(self, device: torch.device | str) -> None:
        """Forget the last pass; the next one's images lie on ``device``."""
        self.extractor.to(device)
        self._bank.to(device)
        self._bank.reset()

    def look(self, indices: Tensor, fakes: Tensor) -> None:
        """Add a batch of fakes ``[B, C, H, W]`` in [-1, 1]. indices: ``[B]`` int64, each one's position in the pass."""
        if self.scores:
            self._bank.update(indices, self.extractor(fakes))

    def gather(self) -> None:
        """Bring the fakes of all ranks together; every rank has to ask."""
        if self.scores:
            self.fake = self._bank.compute()
            self._bank.reset()

    def meet(self, data: Reals, split: str, count: int | None, batch_size: int = 256) -> None:
        """Look at the reals that the gathered fakes are compared with, and those of the floor; fills the cache on disk.

        count: reals of ``split``, drawn by a fixed seed; None for all.
        """
        met = (split, count, len(self.fake.features))
        if self.scores and met != self._met:
            device = self.fake.features.device
            self.real = real_features(self.extractor, data, split, count, device, batch_size)
            self._met, self._floor = met, self._floor_of(data, split, batch_size)

    def of(self, images: Features) -> dict[str, float]:
        """The figures of ``images`` against the reals."""
        return figures(self.scores, self.extractor, self.real, images)

    def take(self, *, ema: bool, seed: int | None, **more: str) -> Taken:
        """The figures of what was gathered.

        ema: whether the averaged generator made the fakes. seed: of their latents, or None where there are none.
        more: what else belongs to every figure's protocol.
        """
        sizes = {"real": len(self.real.features), "fake": len(self.fake.features)}
        common: dict[str, Any] = protocol(self.extractor, **sizes, ema=ema, seed=seed) | more
        told = protocols(self.scores, self.extractor, common, **sizes)
        return Taken(self.of(self.fake), dict(self._floor), {}, told)

    def _floor_of(self, data: Reals, split: str, batch_size: int) -> dict[str, float]:
        """None where the other split has fewer: they would be of another kind than the figures of the fakes.

        What else keeps them from being looked at is warned of; a score is worth having without its floor.
        """
        other, count = "train" if split == "test" else "test", len(self.fake.features)
        try:
            if data.size(other) < count:
                return {}
            return self.of(real_features(self.extractor, data, other, count, self.real.features.device, batch_size))
        except Mistake as mistake:
            log.warning("scores have no floor: %s", mistake)
            return {}
