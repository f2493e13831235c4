"""Names of files in messages: a stranger chose them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SHOWN = 5


def printable(name: str) -> str:
    """``name`` on one line and harmless to a terminal: what is no printable character is escaped.

    Names of files hold line ends, a terminal's commands, and bytes that are no UTF-8.
    """
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in name)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", errors="backslashreplace").decode("ascii")


def few(names: Sequence[str], most: int = _SHOWN) -> str:
    """The first ``most`` of ``names``, in one line."""
    return ", ".join(map(printable, names[:most])) + (" ..." if len(names) > most else "")


def few_reasons(reasons: Mapping[str, str], most: int = _SHOWN) -> str:
    """The first ``most`` names with their reasons, in one line."""
    return few([f"{name} ({reason})" for name, reason in list(reasons.items())[: most + 1]], most)
