"""Mistakes in options that nobody typed: an experiment that was chosen set them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.config.override import key_of, read
from atelier.config.words import conf_dir


def explained(text: str, words: Sequence[str], extra: Path | None) -> str:
    """``text``, which begins with an option, and how to go without it where one of ``words`` chose who set it."""
    named = re.match(r"[\w.]+", text)
    if named is None or any(key_of(word) == named[0] for word in words):
        return text
    folders = [folder / "experiment" for folder in (conf_dir(), extra) if folder is not None]
    for experiment in _experiments(words):
        if any(_sets(folder / f"{experiment}.yaml", named[0]) for folder in folders):
            return f"{text}; experiment={experiment} sets it: ~{named[0]} takes it away"
    return text


def _experiments(words: Sequence[str]) -> list[str]:
    chosen = [override.value() for word in words if key_of(word) == "experiment" and (override := read(word))]
    return [str(name) for choice in chosen for name in (choice if isinstance(choice, list) else [choice])]


def _sets(file: Path, option: str) -> bool:
    try:
        return OmegaConf.select(OmegaConf.load(file), option) is not None
    except (OSError, OmegaConfBaseException):
        return False
