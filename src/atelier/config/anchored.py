"""Where the data of a stored run lie, seen from any working folder."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from atelier.expanded import expanded

_PLACES = {"root", "urls", "eval_urls"}


def anchored(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's stored configuration, in which relative paths of its data lead to where they led when it was started.

    Those that lead nowhere from there any more (a run that was copied from another machine) stay as they were typed:
    they are looked for in the working folder.
    """
    started_in, data = config.get("started_in"), config.get("data")
    if not isinstance(started_in, str) or not isinstance(data, Mapping):
        return dict(config)
    return {**config, "data": _moved(data, Path(started_in))}


def _moved(node: Any, home: Path) -> Any:
    if isinstance(node, Mapping):
        return {name: (_found if name in _PLACES else _moved)(child, home) for name, child in node.items()}
    return node


def _found(place: Any, home: Path) -> Any:
    if isinstance(place, list):
        return [_found(one, home) for one in place]
    if not isinstance(place, str) or "://" in place or expanded(place).is_absolute():
        return place
    fixed = takewhile(lambda part: not glob.has_magic(part) and "{" not in part, Path(place).parts)
    return str(home / place) if home.joinpath(*fixed).exists() else place
