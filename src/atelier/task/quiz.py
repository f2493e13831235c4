"""Which of these are fake? The rounds, what a person made of them, and where that is kept.

The person's error rate is the measure of Zhou et al. 2019 (HYPE, section 3.2): the share of pictures, real and fake,
that they judge wrongly. Of perfect fakes that is 50 %: nobody can do better than guess.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from atelier.moment import Moment
from atelier.types import Mistake

_ROW = 2**16  # samples of the endless row that a quiz draws from


class Item(NamedTuple):
    """A picture of the quiz.

    fake: whether the model made it.
    place: which one: a position among the reals, or among the fakes.
    """

    fake: bool
    place: int


class Interval(NamedTuple):
    """A confidence interval of a share, within [0, 1]."""

    low: float
    high: float


def wilson(hits: int, count: int) -> Interval:
    """The 95 % score interval of the share ``hits`` / ``count`` (Wilson 1927; Newcombe 1998, method 3)."""
    from scipy.stats import binomtest  # takes half a second to import: only at need

    interval = binomtest(hits, count).proportion_ci(confidence_level=0.95, method="wilson")
    return Interval(float(interval.low), float(interval.high))


class Outcome(NamedTuple):
    """How somebody did.

    judged, wrong: pictures. error: wrong / judged, with its 95 % interval.
    fakes, believed: fakes that were shown, and those taken for real.
    reals, doubted: reals that were shown, and those taken for fake.
    """

    judged: int
    wrong: int
    error: float
    interval: Interval
    fakes: int
    believed: int
    reals: int
    doubted: int


def draw(seed: int, rounds: int, pictures: int, *, reals: int, fakes: int | None = None) -> list[list[Item]]:
    """``rounds`` of ``pictures`` each: a fair coin makes every one of them real or fake, and none comes twice.

    A coin for each, rather than half of each round: so what somebody thinks of one picture says nothing of another,
    and the interval of their error rate counts independent judgements.

    reals: how many there are to choose from. fakes: the same, None for a model that has no end of them.

    Raises:
        Mistake: if there are too few.
    """
    count, chance = rounds * pictures, Moment(seed, step=0).within("quiz")
    coins = (chance.uniform("coin", count) < 0.5).tolist()
    wanted = {"real": (coins.count(False), reals), "fake": (coins.count(True), fakes)}
    for kind, (needed, there) in wanted.items():
        if there is not None and needed > there:
            raise Mistake(
                f"this quiz needs {needed} {kind} pictures and there are {there}; "
                "the person who serves this page can set fewer quiz.rounds"
            )
    # Drawn along an endless row, too: where classes take turns on it, neighbours would give each other away.
    places = {
        False: iter(_shuffled(reals, chance, "reals")),
        True: iter(_shuffled(_ROW if fakes is None else fakes, chance, "fakes")),
    }
    items = [Item(fake, next(places[fake])) for fake in coins]
    return [items[first : first + pictures] for first in range(0, count, pictures)]


def _shuffled(size: int, chance: Moment, purpose: str) -> list[int]:
    order: list[int] = torch.randperm(size, generator=chance.generator(purpose)).tolist()
    return order


def checked(marks: object, pictures: int) -> list[int]:
    """The positions that a page says were marked, in order, each once.

    Raises:
        Mistake: if it says something else.
    """
    if not isinstance(marks, list) or not all(type(mark) is int and 0 <= mark < pictures for mark in marks):
        raise Mistake("these marks belong to no picture; begin again")
    return sorted(set(marks))


def judge(rounds: Sequence[Sequence[Item]], marks: Sequence[Sequence[int]]) -> Outcome:
    """What came of it; ``marks`` are, for each round, the positions of the pictures that were called fake."""
    told = [
        (item.fake, place in called)
        for shown, called in zip(rounds, marks, strict=True)
        for place, item in enumerate(shown)
    ]
    believed = sum(fake and not called for fake, called in told)
    doubted = sum(called and not fake for fake, called in told)
    fakes, wrong = sum(fake for fake, _ in told), believed + doubted
    interval = wilson(wrong, len(told))
    return Outcome(len(told), wrong, wrong / len(told), interval, fakes, believed, len(told) - fakes, doubted)


def record(rounds: Sequence[Sequence[Item]], marks: Sequence[Sequence[int]], facts: dict[str, Any]) -> dict[str, Any]:
    """The line of quiz.jsonl: ``facts`` (when, which checkpoint, which seed ...), the outcome, and every picture."""
    outcome = judge(rounds, marks)
    pictures = [
        [
            {**item._asdict(), "called_fake": place in called, "right": item.fake == (place in called)}
            for place, item in enumerate(shown)
        ]
        for shown, called in zip(rounds, marks, strict=True)
    ]
    return {**facts, **outcome._asdict(), "interval": list(outcome.interval), "confidence": 0.95, "rounds": pictures}


def keep(folder: Path, line: dict[str, Any]) -> None:
    """Add ``line`` to ``folder``/quiz.jsonl, whole or not at all, whoever else is writing.

    Raises OSError where that cannot be done.
    """
    content = (json.dumps(line, ensure_ascii=False) + "\n").encode()
    # One write in append mode: neither two people at once nor a kill between two writes can tear a line.
    handle = os.open(folder / "quiz.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        before = os.fstat(handle).st_size
        if os.write(handle, content) != len(content):  # a full disk
            os.ftruncate(handle, before)
            raise OSError("no room for a line")
        os.fsync(handle)
    finally:
        os.close(handle)
