"""Figures and terms that come in twos: one per direction, or one per domain."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_WORDS = {
    "_a_to_b": ("_b_to_a", "a to b", "b to a"),
    "/a/": ("/b/", "domain a", "domain b"),
    "_a": ("_b", "domain a", "domain b"),
}
_FIRST = re.compile(r"^(?P<before>.+?)(?P<side>_a_to_b$|/a/|_a$)(?P<after>.*)$")


class Twins(NamedTuple):
    """Two names that differ in their side alone.

    stem: what they share. first, second: the names. words: what each side is called.
    """

    stem: str
    first: str
    second: str
    words: tuple[str, str]


def twins(names: Iterable[str]) -> list[Twins]:
    """All pairs in ``names``, in the order of their first ones.

    >>> [pair.stem for pair in twins(["g/cycle_a", "d/a/loss", "g/loss", "d/b/loss", "g/cycle_b"])]
    ['g/cycle', 'd/loss']
    """
    there = list(names)
    found = []
    for name in there:
        if (match := _FIRST.match(name)) is None:
            continue
        before, side, after = match["before"], match["side"], match["after"]
        other, *words = _WORDS[side]
        if (second := f"{before}{other}{after}") in there:
            stem = f"{before}/{after}" if after else before
            found.append(Twins(stem, name, second, (words[0], words[1])))
    return found
