from __future__ import annotations

import pytest
import torch

from atelier.augment.corruption import GaussianNoise, Masking
from atelier.moment import Moment
from atelier.types import Mistake

LEVELS = torch.full((64, 3, 16, 16), 0.5)
MOMENT = Moment(seed=1, step=2)


def test_noise_has_the_asked_for_spread_and_comes_from_the_moment() -> None:
    noisy = GaussianNoise(0.3)(LEVELS, MOMENT)
    assert (noisy - LEVELS).std().item() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(noisy, GaussianNoise(0.3)(LEVELS, MOMENT))
    assert not torch.equal(noisy, GaussianNoise(0.3)(LEVELS, Moment(seed=1, step=3)))


def test_masked_pixels_are_black_in_all_channels() -> None:
    masked = Masking(0.25)(LEVELS, MOMENT)
    assert set(masked.unique().tolist()) == {0.0, 0.5}
    assert ((masked == 0).all(1) | (masked == 0.5).all(1)).all()
    assert (masked == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_impossible_damage_is_refused() -> None:
    with pytest.raises(Mistake, match=r"corruption\.std=0"):
        GaussianNoise(0.0)
    with pytest.raises(Mistake, match=r"corruption\.share=1"):
        Masking(1.0)
