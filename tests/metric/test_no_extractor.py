from __future__ import annotations

import pytest
import torch

from atelier.callback.scoreboard import Scoreboard
from atelier.metric.frechet import FrechetDistance
from atelier.metric.none import NoExtractor
from atelier.types import Mistake


def test_nothing_is_seen() -> None:
    extractor = NoExtractor()
    extractor.prepare()
    seen = extractor(torch.zeros(3, 3, 4, 4, dtype=torch.uint8))
    assert seen.features.shape == (3, 0) and seen.logits is None


def test_nothing_can_be_scored_by_it() -> None:
    with pytest.raises(Mistake, match="extractor=none"):
        Scoreboard(NoExtractor(), {"frechet": FrechetDistance()})
