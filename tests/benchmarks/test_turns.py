from __future__ import annotations

import statistics
import time
from functools import partial

from suite.turns import in_turns, quartiles, ratios


def test_the_order_turns_round() -> None:
    seen: list[str] = []
    seconds = in_turns({name: partial(seen.append, name) for name in "abc"}, rounds=3, warm_up=1)
    assert "".join(seen) == "abc" + "cba" + "abc" + "cba"  # nobody always comes first
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3, "c": 3}


def test_what_slows_a_round_down_does_not_show_in_its_ratio() -> None:
    drift = [1.0, 5.0, 2.0, 40.0]
    assert ratios([3 * slow for slow in drift], [2 * slow for slow in drift]) == [1.5] * 4


def test_time_is_measured_and_bounded() -> None:
    seconds = in_turns({"slow": partial(time.sleep, 0.02), "quick": int}, rounds=100, warm_up=0, most_seconds=0.01)
    assert len(seconds["slow"]) == 3
    assert min(seconds["slow"]) >= 0.02 > max(seconds["quick"])


def test_quartiles_are_those_of_the_numbers() -> None:
    numbers = [4.0, 1.0, 3.0, 2.0, 5.0]
    assert quartiles(numbers) == (2.0, statistics.median(numbers), 4.0, 5)
    assert quartiles([7.0]) == (7.0, 7.0, 7.0, 1)
    low, _, high, _ = quartiles([1.0, 9.0])
    assert 1.0 <= low <= high <= 9.0
