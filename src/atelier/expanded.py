"""Paths as people type them."""

from __future__ import annotations

from pathlib import Path

from atelier.types import Mistake


def expanded(path: str | Path, option: str = "") -> Path:
    """``path`` with a home folder in the place of its ``~``.

    option: what it was typed with, for the message.

    Raises Mistake where nobody's home is meant: ``~pictures`` for ``~/pictures``.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        user, _, rest = str(path)[1:].partition("/")
        lost = (
            f"there is no user {user} here; did you mean ~/{Path(user, rest)}?" if user else "no home folder is known"
        )
        raise Mistake(f"{option}{path}: {lost}") from None
