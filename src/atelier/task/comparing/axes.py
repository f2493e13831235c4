"""Which axes a run was made of, asked of its stored configuration. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from atelier.config.axes import PARTS

Mark = tuple[str, str]
"""The last word of an option's path, and its value: what is left of a reference once it is resolved."""


def used(config: Mapping[str, Any]) -> set[str]:
    """The axes that the model or the callbacks of a stored configuration, option -> value, refer to.

    What is stored holds copies in the place of references: an axis was referred to if a class of it, or an option where
    it has no class, stands there too. A copy in a place that is named after an axis is that one's.
    """
    marks = {axis: _marks(config, axis) for axis in PARTS}
    copies = [(path, _mark(path, config[path])) for path in _below(config, "model", "callback")]
    return {axis for path, copy in copies for axis in _origins(path, copy, marks)}


def _origins(path: str, copy: Mark, marks: Mapping[str, Set[Mark]]) -> Set[str]:
    """The axes that what stands at ``path`` may be copied from."""
    alike = {axis for axis, own in marks.items() if copy in own}
    return alike.intersection(path.split(".")) or alike


def _marks(config: Mapping[str, Any], axis: str) -> set[Mark]:
    """What a copy of ``axis`` is known by: its classes, or all its options if it has none."""
    found = {_mark(path, config[path]) for path in _below(config, axis)}
    return {(word, value) for word, value in found if word == "_target_"} or found


def _mark(path: str, value: object) -> Mark:
    return path.rpartition(".")[2], repr(value)


def _below(config: Mapping[str, Any], *nodes: str) -> Iterator[str]:
    return (path for path in config if path.partition(".")[0] in nodes)
