from __future__ import annotations

import math

import pytest
import torch

from atelier.data.ring import Ring
from atelier.types import Mistake


def test_points_have_the_stated_moments() -> None:
    points, labels, *_ = Ring(modes=8, radius=0.7, std=0.02).load("train")
    assert points.shape == (8192, 2, 1, 1)
    assert points.dtype == torch.float32
    flat = points.flatten(1)
    for mode in range(8):
        mine = flat[labels == mode]
        assert len(mine) == 1024
        angle = 2 * math.pi * mode / 8
        centre = torch.tensor([0.7 * math.cos(angle), 0.7 * math.sin(angle)])
        # Five standard errors.
        assert (mine.mean(0) - centre).abs().max() < 5 * 0.02 / 32
        assert (mine.std(0) - 0.02).abs().max() < 5 * 0.02 / math.sqrt(2 * 1024)
    assert flat.abs().max() <= 1


def test_points_are_the_same_every_time_and_differ_between_splits() -> None:
    first, again = (Ring(8, 0.7, 0.02).load("test").pixels for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, Ring(8, 0.7, 0.02).load("train").pixels[: len(first)])


@pytest.mark.parametrize("wrong", [{"modes": 0}, {"std": 0.0}, {"radius": 0.95}, {"radius": -0.1}])
def test_rings_that_do_not_fit_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Mistake, match=f"data.source.{next(iter(wrong))}="):
        Ring(**({"modes": 8, "radius": 0.7, "std": 0.02} | wrong))
