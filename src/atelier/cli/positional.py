"""Folders and patterns that people type without a name, as in ``compare.py outputs/a 'outputs/b*'``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from atelier.types import Mistake


def with_places(words: Sequence[str], option: str) -> list[str]:
    """``words`` with those that are places put together in ``option=[...]``.

    Raises:
        Mistake: if the option is given by its name as well.
    """
    places = [word for word in words if _is_place(word)]
    rest = [word for word in words if word not in places]
    if not places:
        return rest
    if named := next((word for word in rest if word.startswith(f"{option}=")), None):
        raise Mistake(f"{named} and {places[0]}: name all of them in one way")
    # Hydra reads quoted text as JSON has it, but for other escapes than of quotes and backslashes.
    return [*rest, f"{option}=[{','.join(json.dumps(place, ensure_ascii=False) for place in places)}]"]


def _is_place(word: str) -> bool:
    """Whether ``word`` is none of the form key=value: a path may hold a = further on, behind a slash."""
    key, equals, _ = word.partition("=")
    return not equals or Path(word).exists() or ("/" in key and not key.startswith(("hydra/", "~hydra/")))
