"""What the user has to put right: gathered, raised at once, told in lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence


class Mistakes(Exception):
    """All that the user has to put right."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__("\n".join(texts))
        self.texts = texts


def refuse(found: Iterable[str]) -> None:
    """Raise what was found, each text once; nothing if there is none.

    Raises:
        Mistakes: with all of them.
    """
    if texts := list(dict.fromkeys(found)):
        raise Mistakes(texts)


def say(mistakes: Sequence[str]) -> None:
    """Tell ``mistakes`` on standard error."""
    count = len(mistakes)
    lines = [mistakes[0]] if count == 1 else [f"{count} mistakes:", *(f"  {text}" for text in mistakes)]
    print("atelier: " + "\n".join(lines), file=sys.stderr)  # noqa: T201  # standard error is where mistakes are told
