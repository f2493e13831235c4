"""Rounds, judgements and what is kept of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import NormalDist

import pytest

from atelier.task.quiz import Item, checked, draw, judge, keep, record, wilson
from atelier.types import Mistake


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3; 0/10 by hand: z²/(n + z²).
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 10, 0.0, 0.2775),
    ],
)
def test_the_interval_is_that_of_the_literature(hits: int, count: int, low: float, high: float) -> None:
    assert wilson(hits, count) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_solves_its_equation_and_is_symmetric() -> None:
    z = NormalDist().inv_cdf(0.975)
    for hits, count in ((3, 8), (17, 40), (40, 40)):
        interval = wilson(hits, count)
        for bound in interval:
            gap, reach = abs(hits / count - bound), z * math.sqrt(bound * (1 - bound) / count)
            assert gap == pytest.approx(reach, abs=1e-12) or bound in (0.0, 1.0)
        mirrored = wilson(count - hits, count)
        assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx(interval, abs=1e-12)


def test_a_draw_is_a_function_of_its_seed_and_shows_nothing_twice() -> None:
    rounds = draw(3, 5, 8, reals=40)
    assert rounds == draw(3, 5, 8, reals=40) != draw(4, 5, 8, reals=40)
    assert [len(one) for one in rounds] == [8] * 5
    items = [item for one in rounds for item in one]
    assert len(set(items)) == len(items)
    assert all(item.place < 40 for item in items if not item.fake)


def test_half_of_the_pictures_are_fake_on_average_and_their_places_say_nothing() -> None:
    items = [item for seed in range(100) for one in draw(seed, 5, 8, reals=100, fakes=100) for item in one]
    fakes = sum(item.fake for item in items)
    assert wilson(fakes, len(items)).low < 0.5 < wilson(fakes, len(items)).high
    first = [draw(seed, 1, 8, reals=100)[0] for seed in range(20)]
    places = [item.place % 10 for one in first for item in one if item.fake]
    assert len(set(places)) == 10  # of a model whose classes take turns, all classes come first somewhere


def test_too_few_pictures_are_a_mistake() -> None:
    with pytest.raises(Mistake, match="real pictures and there are 3"):
        draw(0, 5, 8, reals=3)
    with pytest.raises(Mistake, match="fake pictures and there are 2"):
        draw(0, 5, 8, reals=100, fakes=2)


def test_judging_counts_both_kinds_of_error() -> None:
    rounds = [[Item(True, 0), Item(True, 1), Item(False, 0)], [Item(False, 1), Item(False, 2), Item(True, 2)]]
    perfect = judge(rounds, [[0, 1], [2]])
    assert (perfect.wrong, perfect.error, perfect.interval.low) == (0, 0.0, 0.0)
    outcome = judge(rounds, [[0], [0, 1]])
    assert (outcome.judged, outcome.wrong, outcome.error) == (6, 4, 4 / 6)
    assert (outcome.fakes, outcome.believed, outcome.reals, outcome.doubted) == (3, 2, 3, 2)


@pytest.mark.parametrize("marks", [None, "0", {"0": 1}, [8], [-1], [True], [1.0], [[0]]])
def test_marks_from_a_page_are_not_trusted(marks: object) -> None:
    with pytest.raises(Mistake, match="begin again"):
        checked(marks, 8)


def test_marks_are_positions_in_order() -> None:
    assert checked([3, 1, 3], 8) == [1, 3]
    assert checked([], 8) == []


def test_lines_are_added_whole(tmp_path: Path) -> None:
    rounds = draw(0, 2, 4, reals=20)
    line = record(rounds, [[0], []], {"seed": 0, "fingerprint": "ab"})
    keep(tmp_path, line)
    keep(tmp_path, line | {"seed": 1})
    first, second = [json.loads(text) for text in (tmp_path / "quiz.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (first["seed"], second["seed"], first["judged"], first["confidence"]) == (0, 1, 8, 0.95)
    told = [picture for one in first["rounds"] for picture in one]
    assert sum(not picture["right"] for picture in told) == first["wrong"]
    assert [picture["called_fake"] for picture in told] == [True, *[False] * 7]
    assert first["interval"] == list(wilson(first["wrong"], 8))
