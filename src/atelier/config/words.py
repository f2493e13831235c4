"""The words that conf/ knows: groups, their options, and the nearest right one to a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

FILLED_IN = {"run_dir", "started_in", "model_name", "data_name"}
"""Root keys that no user gives: the start of a run does."""


def conf_dir() -> Path:
    """The folder of the configuration: inside the installed package, else beside src/ in a checkout."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "conf"
    return packaged if packaged.is_dir() else package.parents[1] / "conf"


def search_path(extra: Path | None) -> list[str]:
    """The word by which Hydra finds configuration in ``extra`` too, if there is such a folder."""
    return [] if extra is None else [f"hydra.searchpath=['file://{extra.resolve()}']"]


def groups(*folders: Path) -> dict[str, list[str]]:
    """Every axis of choice and its options, by name, over all ``folders`` of configuration."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for group in sorted(folder.iterdir()):
            if group.is_dir():
                found.setdefault(group.name, set()).update(file.stem for file in group.glob("*.yaml"))
    return {name: sorted(options) for name, options in found.items()}


def describe(file: Path) -> str:
    """The one-line description with which every YAML of conf/ begins."""
    first = file.read_text(encoding="utf-8").split("\n", 1)[0]
    if first.startswith("# @package"):
        first = file.read_text(encoding="utf-8").split("\n", 2)[1]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known word that ``word`` was most likely meant to be, or None if none is near.

    cutoff: how much of the two words must be alike, in [0, 1].
    """
    options = list(known)
    close = difflib.get_close_matches(word.lower(), options, n=1, cutoff=cutoff)
    if close:
        return close[0]
    starts = [option for option in options if option.startswith(word.lower()) or word.lower().startswith(option)]
    return starts[0] if len(starts) == 1 else None


def suggestion(word: str, known: Iterable[str], *, limit: int = 12) -> str:
    """What to say after «there is no X»: the nearest right word, and what there is."""
    options = sorted(known)
    near = nearest(word, options)
    hint = f"; did you mean {near}?" if near else ""
    listed = ", ".join(options[:limit]) + (", ..." if len(options) > limit else "")
    return f"{hint} (there is: {listed})" if listed else hint
