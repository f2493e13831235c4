"""Contenders take turns, and are compared pair by pair."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple


class Quartiles(NamedTuple):
    """The median of some numbers, the quartiles on both sides of it, and how many numbers there are."""

    low: float
    middle: float
    high: float
    count: int


def quartiles(values: Iterable[float]) -> Quartiles:
    """The quartiles of one number or more; none of them lies outside the numbers."""
    numbers = list(values)
    if len(numbers) == 1:
        return Quartiles(*numbers * 3, 1)
    return Quartiles(*statistics.quantiles(numbers, n=4, method="inclusive"), len(numbers))


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Round by round: what slows one round down slows both of its contenders down."""
    return [a / b for a, b in zip(above, below, strict=True)]


def in_turns(
    contenders: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    warm_up: int = 1,
    most_seconds: float = math.inf,
    settle: Callable[[], None] = lambda: None,
) -> dict[str, list[float]]:
    """Seconds of every contender in every round; the order is turned round from one round to the next.

    warm_up: rounds before the first one that counts.
    most_seconds: no new round begins after so long (three rounds count in any case).
    settle: waits until the device has done what it was given.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    began = time.perf_counter()
    for turn in range(-warm_up, rounds):
        if turn >= 3 and time.perf_counter() - began > most_seconds:
            break
        for name in order:
            taken = stopwatch(contenders[name], settle)
            if turn >= 0:
                seconds[name].append(taken)
        order.reverse()
    return seconds


def stopwatch(work: Callable[[], object], settle: Callable[[], None]) -> float:
    """Seconds that ``work`` takes, with all that it asks of the device."""
    settle()
    started = time.perf_counter()
    work()
    settle()
    return time.perf_counter() - started


Contender = Callable[[int], float]
"""Takes so many steps; returns how many seconds that took."""


def timed(step: Callable[[], object], settle: Callable[[], None]) -> Contender:
    """A contender of this process."""

    def take(steps: int) -> float:
        def turn() -> None:
            for _ in range(steps):
                step()

        return stopwatch(turn, settle)

    return take
