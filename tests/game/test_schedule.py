"""Schedules against their published formulas."""

import math

import pytest

from atelier.game.schedule import Constant, Cosine, LinearDecay
from atelier.types import Mistake


def test_linear_decay_is_cycle_gans_formula() -> None:
    schedule = LinearDecay(hold=100, decay=100)
    for epoch in range(200):
        e = epoch + 1
        assert schedule(epoch + 0.7) == pytest.approx(1 - max(0, e - 100) / 101)
    assert schedule(100) == pytest.approx(100 / 101)
    assert schedule(199) == pytest.approx(1 / 101)
    assert schedule(500) == 0


def test_linear_decay_by_batch_meets_the_epochs_at_their_starts() -> None:
    by_epoch, by_batch = LinearDecay(2, 3), LinearDecay(2, 3, by="batch")
    assert all(by_epoch(e) == pytest.approx(by_batch(e)) for e in range(6))
    assert by_batch(2.5) < by_epoch(2.5)


def test_cosine_starts_halves_and_ends() -> None:
    schedule = Cosine(epochs=8, start=2.0, end=1.0)
    assert (schedule(0), schedule(4), schedule(8), schedule(80)) == pytest.approx((2.0, 1.5, 1.0, 1.0))
    assert schedule(2) == pytest.approx(1 + 0.5 * (1 + math.cos(math.pi / 4)))


def test_constant_is_constant() -> None:
    assert Constant(0.3)(17.2) == 0.3


@pytest.mark.parametrize("make", [lambda: Cosine(0), lambda: LinearDecay(-1, 3), lambda: LinearDecay(1, -3)])
def test_lengths_without_sense_are_refused(make) -> None:
    with pytest.raises(Mistake):
        make()
