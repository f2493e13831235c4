"""Collecting mistakes: each action is tried, so that the user hears of all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from omegaconf import DictConfig

from atelier.types import Mistake


def heard(actions: Iterable[Callable[[], object]], prefix: str = "") -> list[str]:
    """What each of ``actions`` has to object, in order."""
    mistakes = []
    for action in actions:
        try:
            action()
        except Mistake as mistake:
            mistakes.append(f"{prefix}{mistake}")
    return mistakes


def below(cfg: DictConfig, least: dict[str, int]) -> list[str]:
    """The options whose whole numbers are smaller than they can be (null is left to its meaning)."""
    return [
        f"{name}={cfg[name]}: a whole number of at least {smallest}"
        for name, smallest in least.items()
        if cfg[name] is not None and (not isinstance(cfg[name], int) or cfg[name] < smallest)
    ]
