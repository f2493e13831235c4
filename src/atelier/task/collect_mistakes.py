"""Collecting mistakes: each action is tried, so that the user hears of all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from omegaconf import DictConfig

from atelier.types import Mistake


def heard(actions: Iterable[Callable[[], object]], prefix: str = "") -> list[str]:
    """What each of ``actions`` has to object, in order, and nothing twice."""
    mistakes = []
    for action in actions:
        try:
            action()
        except Mistake as mistake:
            mistakes.append(f"{prefix}{mistake}")
    return list(dict.fromkeys(mistakes))


def below(cfg: DictConfig, least: dict[str, int], optional: dict[str, int] | None = None) -> list[str]:
    """The options that are no whole numbers of at least ``least``; those of ``optional`` may be null as well."""
    return [
        f"{name}={'null' if cfg[name] is None else cfg[name]}: a whole number of at least {smallest}"
        for name, smallest in {**least, **(optional or {})}.items()
        if not _whole(cfg[name], smallest) and not (optional and name in optional and cfg[name] is None)
    ]


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
