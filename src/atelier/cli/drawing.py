"""matplotlib, before torchmetrics imports it: where it keeps its list of fonts, and that it says nothing of it."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from atelier.cachedir import cache_dir


def settle_matplotlib() -> None:
    """Have it keep what it keeps in our cache, if its own folders cannot be written to.

    Where ours cannot be made either it takes a temporary folder, and lists the fonts once more in every run.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    if "MPLCONFIGDIR" not in os.environ and not all(_made(place / "matplotlib") for place in _own()):
        os.environ["MPLCONFIGDIR"] = str(cache_dir("matplotlib"))


def _own() -> list[Path]:
    places = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}
    return [Path(os.environ.get(name) or Path.home() / usual) for name, usual in places.items()]


def _made(folder: Path) -> bool:
    """Whether ``folder``, which matplotlib makes wherever it can, is there and can be written to."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return os.access(folder, os.W_OK)
