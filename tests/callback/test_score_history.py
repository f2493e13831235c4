from __future__ import annotations

import math

import pytest

from atelier.callback.score_history import History, whole


@pytest.mark.parametrize(("higher", "best", "epoch"), [(False, 2.0, 2.0), (True, 5.0, 1.0)])
def test_best_follows_the_direction(higher: bool, best: float, epoch: float) -> None:
    history = History({"val/x": higher})
    for at, value in enumerate([5.0, 2.0, 2.0, 3.0], start=1):
        history.add(float(at), {"val/x": value})
    assert history.standing("val/x") == (3.0, best, epoch)


def test_nan_is_never_the_best() -> None:
    history = History({"val/x": False})
    for epoch, value in enumerate([math.nan, 4.0, math.nan], start=1):
        history.add(epoch, {"val/x": value})
    standing = history.standing("val/x")
    assert standing is not None
    assert (standing.best, standing.best_epoch) == (4.0, 2)


def test_a_figure_never_taken_stands_nowhere() -> None:
    history = History({"val/x": False, "val/y": True})
    history.add(1, {"val/x": 1.0})
    assert history.standing("val/y") is None


def test_epochs_are_written_as_people_write_them() -> None:
    assert (repr(whole(3.0)), whole(2.5)) == ("3", 2.5)
