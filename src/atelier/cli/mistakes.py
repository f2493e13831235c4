"""What the user has to put right: gathered, raised at once, told in lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from atelier.config.secrecy import masked


class Mistakes(Exception):
    """All that the user has to put right.

    texts: what is known at once.
    further: what takes longer to find out; nobody should have to wait for the others until then.
    """

    def __init__(self, texts: list[str], further: Callable[[], list[str]] = list) -> None:
        super().__init__("\n".join(texts))
        self.texts, self.further = texts, further


def refuse(found: Iterable[str], further: Callable[[], list[str]] = list) -> None:
    """Raise what was found, each text once; nothing if there is none.

    Raises:
        Mistakes: with all of them.
    """
    if texts := list(dict.fromkeys(found)):
        raise Mistakes(texts, further)


def say(mistakes: Sequence[str], called: str = "mistakes") -> None:
    """Tell ``mistakes``, if there are any, on standard error."""
    if not mistakes:
        return
    count = len(mistakes)
    told = list(map(masked, mistakes))
    lines = told if count == 1 else [f"{count} {called}:", *(f"  {text}" for text in told)]
    with suppress(OSError):  # nobody is there to read it, and the status tells as much
        print("atelier: " + "\n".join(lines), file=sys.stderr)  # noqa: T201  # standard error is where mistakes are told
