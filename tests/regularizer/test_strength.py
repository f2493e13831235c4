from __future__ import annotations

import pytest

from atelier.regularizer.strength import Strength
from atelier.types import Mistake


@pytest.mark.parametrize("interval", [1, 4, 16])
def test_lazy_weights_keep_their_mean(interval: int):
    strength = Strength("gamma", 3.0, interval)
    applied = [strength.at(0.0) if strength.acts(step) else 0.0 for step in range(160)]
    assert sum(applied) / len(applied) == pytest.approx(3.0)
    assert sum(strength.acts(step) for step in range(160)) == 160 // interval


def test_weight_may_follow_the_epoch():
    assert Strength("gamma", lambda epoch: 10 - epoch, 2).at(2.5) == 15


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_impossible_weights_are_refused_by_name(weight: float):
    with pytest.raises(Mistake, match=r"regularizer\.gamma="):
        Strength("gamma", weight, 1)


@pytest.mark.parametrize("interval", [0, -2])
def test_impossible_intervals_are_refused(interval: int):
    with pytest.raises(Mistake, match=rf"regularizer\.interval={interval}"):
        Strength("gamma", 1.0, interval)
