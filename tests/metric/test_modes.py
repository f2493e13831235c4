from __future__ import annotations

import pytest
import torch
from torch import Tensor

from atelier.data.ring import Ring
from atelier.metric.extractor import extract
from atelier.metric.modes import Modes
from atelier.metric.points import Points
from atelier.types import Features, Mistake

RING = Ring(modes=8, radius=0.7, std=0.02)


def score(points: Tensor) -> dict[str, float]:
    features = extract(Points(), points.split(100), "cpu")
    return Modes(modes=8, radius=0.7, std=0.02, share=0.25)(features, features)


def test_the_rings_own_points_cover_it() -> None:
    figures = score(RING.load("test").pixels)
    assert figures["modes"] == 8
    # P(|x| ≤ 3σ) in the plane: 1 − exp(−9/2).
    assert figures["quality"] == pytest.approx(1 - 0.0111, abs=0.01)


def test_modes_that_are_missing_are_missed() -> None:
    data = RING.load("test")
    assert score(data.pixels[data.labels < 3])["modes"] == 3


def test_a_stray_sample_covers_no_mode() -> None:
    data = RING.load("test")
    points = torch.cat([data.pixels[data.labels == 0], data.pixels[data.labels == 4][:1]])
    assert score(points)["modes"] == 1


def test_points_off_the_ring_or_not_finite_belong_to_no_mode() -> None:
    assert score(torch.zeros(10, 2, 1, 1)) == {"modes": 0.0, "quality": 0.0}
    assert score(torch.full((10, 2, 1, 1), torch.nan)) == {"modes": 0.0, "quality": 0.0}


def test_nonsense_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="std=0"):
        Modes(modes=8, radius=0.7, std=0, share=0.25)
    with pytest.raises(Mistake, match="share=2"):
        Modes(modes=8, radius=0.7, std=0.1, share=2)
    with pytest.raises(Mistake, match="data=ring"):
        picture = Features(torch.zeros(4, 64), None)
        Modes(modes=8, radius=0.7, std=0.1, share=0.25)(picture, picture)
