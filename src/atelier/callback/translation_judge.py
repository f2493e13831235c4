"""What translations are worth: distances and, with an extractor, the target domain's likeness, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from atelier.callback.translation_distance import TranslationDistance
from atelier.direction import WAYS
from atelier.metric.extractor import Extractor
from atelier.metric.score import Score
from atelier.metric.taken import Taken, joined
from atelier.metric.translation import Distances
from atelier.pixels import to_unit
from atelier.types import Direction, Domains, Mistake, Translated


class TranslationJudge:
    """Looks at a pass of translations in both directions, and says what they come to.

    The primary figure is a mean over both directions: of the PSNR against the truth where the data knows it, else of
    the first score (the FID, say). Distances of cycles and identities never decide: a translator that does nothing
    is perfect by them.

    extractor: what turns images into features; with one of no features distances alone are taken.
    scores: the figures by any name, None leaves one out.
    """

    def __init__(self, extractor: Extractor, scores: Mapping[str, Score | None]) -> None:
        kept = {name: score for name, score in scores.items() if score is not None}
        self._distances = Distances()
        self._by_features = TranslationDistance(extractor, kept)
        self._truths: dict[Direction, Tensor | None] = dict.fromkeys(WAYS)
        self._split = ""

    def prepare(self) -> None:
        """Have the extractor's weights, or raise Mistake saying why not."""
        self._by_features.prepare()

    def expect(self, data: Domains, split: str) -> None:
        """Get ready for translations of ``split``.

        Raises:
            Mistake: if nothing could tell a good translator from one that does nothing.
        """
        self._split = split
        self._truths = {way: data.truth(split, source) for way, (source, _) in WAYS.items()}
        if not self._means:
            raise Mistake(
                "extractor=none: this data knows no true translations, so nothing tells a good translator from one "
                "that does nothing; choose an extractor that is shipped (extractor=digits), make one of your own data "
                "(python src/extractor.py), or train without scores by callback.scoreboard=null"
            )

    @property
    def _means(self) -> dict[str, bool]:
        """The figures of which means over both directions are taken; the first one counts."""
        means = {"truth_psnr": True} if self._knows_truth else {}
        return means | dict(islice(self._by_features.stems.items(), 1))

    @property
    def _knows_truth(self) -> bool:
        return any(truth is not None for truth in self._truths.values())

    @property
    def names(self) -> dict[str, bool]:
        """All figures, the primary one first, each with whether a higher value is better."""
        of_truth = Distances.of_truth() if self._knows_truth else {}
        return self._means | of_truth | self._by_features.names | Distances.of_source()

    # --- a pass ---------------------------------------------------------------------------------------------

    def reset(self, device: torch.device | str) -> None:
        """Forget the last pass; the next one's images lie on ``device``."""
        self._distances.reset(device)
        self._by_features.reset(device)

    def look(self, seen: Translated) -> None:
        """Add a batch."""
        truth = self._truths[seen.direction]
        if truth is not None:
            truth = to_unit(truth[seen.indices.cpu()]).to(seen.fake.device)
        self._distances.look(seen, truth)
        self._by_features.look(seen)

    def gather(self) -> None:
        """Bring the images of all ranks together; every rank has to ask."""
        self._distances.gather()
        self._by_features.gather()

    def meet(self, data: Domains, batch_size: int = 256) -> None:
        """Look at the reals that the gathered translations are compared with; fills the cache on disk."""
        self._by_features.meet(data, self._split, batch_size)

    def take(self, *, ema: bool) -> Taken:
        """The figures of what was gathered. ema: whether averaged generators made the fakes."""
        taken = self._distances.take()
        taken.protocol.update({name: {**words, "split": self._split} for name, words in taken.protocol.items()})
        taken = joined(self._by_features.take(ema=ema), taken)
        return joined(*(mean_of(stem, taken) for stem in self._means), taken)


def mean_of(stem: str, taken: Taken) -> Taken:
    """The mean of ``stem`` over the directions in which it was taken, under its bare name."""
    ways = [name for name in (f"{stem}_{way}" for way in WAYS) if name in taken.values]

    def mean(part: Mapping[str, float]) -> dict[str, float]:
        known = [part[name] for name in ways if name in part]
        return {stem: sum(known) / len(known)} if known and len(known) == len(ways) else {}

    words: dict[str, Any] = {"mean_of": " and ".join(ways)}
    words |= {key: text for name in ways for key, text in taken.protocol[name].items() if key == "warning"}
    return Taken(mean(taken.values), mean(taken.floor), mean(taken.untouched), {stem: words})
