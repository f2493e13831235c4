"""Distances of translations by hand, with and without an identity and a truth."""

import itertools

import pytest
import torch

from atelier.direction import WAYS
from atelier.metric.translation import Distances
from atelier.moment import Moment
from atelier.types import Translated


@pytest.mark.parametrize(("identity", "truth"), list(itertools.product((True, False), repeat=2)))
def test_what_is_not_there_is_not_measured(identity: bool, truth: bool) -> None:
    """Domains of different channels have no identity; most data has no truth."""
    distances = Distances()
    distances.reset("cpu")
    here = Moment(0, 0)
    parts = {
        name: here.uniform(name, 3, 3, 16, 16, low=-1, high=1) for name in ("real", "fake", "cycle", "same", "true")
    }
    for way in WAYS:
        same = parts["same"] if identity else None
        seen = Translated(way, parts["real"], parts["fake"], parts["cycle"], same, torch.arange(3))
        distances.look(seen, parts["true"] if truth else None)
    distances.gather()
    taken = distances.take()
    values = taken.values
    assert values["cycle_l1_b"] == pytest.approx(float((parts["cycle"] - parts["real"]).abs().mean()), rel=1e-6)
    assert ("identity_l1_a" in values) == identity
    if identity:
        assert values["identity_l1_a"] == pytest.approx(float((parts["same"] - parts["real"]).abs().mean()), rel=1e-6)
    assert ("truth_l1_a_to_b" in values) == ("truth_l1_a_to_b" in taken.untouched) == truth
    if truth:
        assert values["truth_l1_b_to_a"] == pytest.approx(float((parts["fake"] - parts["true"]).abs().mean()), rel=1e-6)
        untouched = float((parts["real"] - parts["true"]).abs().mean())
        assert taken.untouched["truth_l1_b_to_a"] == pytest.approx(untouched, rel=1e-6)
