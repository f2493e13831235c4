from __future__ import annotations

from atelier.moment import Moment
from atelier.regularizer.none import NoRegularizer


def test_never_acts_and_adds_nothing(linear, images, judge):
    real, fake = (judge(linear, x) for x in images)
    assert not any(NoRegularizer().acts(step) for step in range(100))
    assert NoRegularizer()(linear, real, fake, Moment(0, 0)) == {}
