"""Judging single words: is each an override, of an option that is there, by a value that can stand there?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.config.hints import keys_hint, parent_of
from atelier.config.hydras import group_of, wrong_setting
from atelier.config.signature import shown
from atelier.config.words import FILLED_IN, suggestion

_SEVERAL = {"callback", "experiment", "logger", "metric"}
"""Groups of which several options can be chosen at once."""


def quoted(word: str) -> str:
    """``word``, its value in quotes if Hydra cannot read it bare: paths with ``=``, brackets or accented letters."""
    key, equals, value = word.partition("=")
    if not equals or read(word) is not None:
        return word
    # Only those backslashes count that stand before a quotation mark, the closing one included.
    escaped = re.sub(r'(\\*)("|$)', lambda hit: 2 * hit[1] + ('\\"' if hit[2] else ""), value)
    safe = f'{key}="{escaped}"'
    return word if read(safe) is None else safe


def key_of(word: str) -> str:
    """The option or group that ``word`` is about, without the marks that add or take away."""
    return word.partition("=")[0].lstrip("+~")


def parse(words: Sequence[str]) -> tuple[list[Override], list[str]]:
    """The overrides that ``words`` are, and what is wrong with those that are none."""
    parsed, mistakes = [], []
    for word in words:
        override = read(word)
        if override is None or not override.key_or_group:
            mistakes.append(f"{word!r} is no override: options are written key=value, as in data.batch_size=32")
        elif override.is_sweep_override():
            key, _, values = word.partition("=")
            ways = f"one list is written {key}=[{values}], and a comma within one value wants quotes"
            mistakes.append(f"{word}: several values make a sweep: add -m ({ways})")
        else:
            parsed.append(override)
    return parsed, mistakes


def is_sampled(word: str) -> bool:
    """Whether ``word`` names a range to draw from, rather than values to go through."""
    override = read(word)
    return override is not None and override.is_sweep_override() and not override.is_discrete_sweep()


def read(word: str) -> Override | None:
    """``word`` as Hydra reads it, or None if it is no override."""
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException:
        return None


def wrong_choice(override: Override, options: dict[str, list[str]], dispensable: set[str]) -> str | None:
    """What is wrong with a choice from a group of ours.

    options: what each group offers. dispensable: the groups that a run can go without.
    """
    word, group = override.input_line, group_of(override)
    if override.is_delete():
        return None if group in dispensable else f"{word}: a run cannot go without{suggestion('none', options[group])}"
    value = override.value()
    if override.is_add() or override.is_force_add():
        return f"{word}: {group} is there already; leave out the +: {group}={_typed(value)}"
    if isinstance(value, list) and group not in _SEVERAL:
        return f"{word}: choose one {group}{suggestion('', options[group])}"
    if value == [] and group not in dispensable:
        return f"{word}: choose at least one {group}{suggestion('', options[group])}"
    unknown = [choice for choice in (value if isinstance(value, list) else [value]) if choice not in options[group]]
    if not unknown:
        return None
    name = _typed(unknown[0])
    near = suggestion("none" if name == "null" else name, options[group])
    if name == "null" and group in dispensable:
        among = f", or {group}=[] among the values of a sweep" if group in _SEVERAL else ""
        return f"{word}: to go without, write ~{group}{among}{near}"
    return f"{word}: there is no {group} called {name or 'nothing at all'}{near}"


def _typed(value: object) -> str:
    return "null" if value is None else str(value)


def wrong_key(override: Override, base: DictConfig, known: set[str]) -> str | None:
    """What is wrong with the setting of a single option.

    base: the composition with the settings before this one. known: the groups that it is made of.
    """
    key, word = override.key_or_group or "", override.input_line or ""
    if key == "hydra":
        return f"{word}: Hydra's own options are written one by one, as in hydra.run.dir=<folder>"
    if key.startswith("hydra."):
        return wrong_setting(override, base)
    if key in FILLED_IN:
        return f"{word}: {key} is filled in when a run starts; its folder is chosen by hydra.run.dir=<folder>"
    parent, leaf = parent_of(base, key)
    there = parent is not None and _has(parent, leaf)
    if override.is_add() and there and _is_set(base, key) and not isinstance(override.value(), list | dict):
        return f"{word}: {key} is there already; leave out the +: {word[1:]}"
    if override.is_add() or (override.is_force_add() and not there):
        # Below a target the signature decides; elsewhere nothing would read the new key.
        if parent is not None and ("_target_" in parent or there):
            return None
        if _is_further_part(override, base):
            return None
        return f"{word}: nothing reads {key}{keys_hint(base, key, known)}"
    if parent is None or not there:
        return f"{word}: there is no option {key}{keys_hint(base, key, known)}"
    return None if override.is_delete() else _wrong_type(override, parent, leaf)


def _is_further_part(override: Override, base: DictConfig) -> bool:
    """Whether it adds one to parts that are all built, whatever their names: callbacks, loggers, scores."""
    key, value = override.key_or_group or "", override.value()
    makes = key.endswith("._target_") or (isinstance(value, dict) and "_target_" in value)
    others, name = parent_of(base, key.removesuffix("._target_"))
    if not makes or others is None or "_target_" in others or _has(others, name):
        return False
    parts = [part for part in others.values() if part is not None]
    return bool(parts) and all(isinstance(part, DictConfig) and "_target_" in part for part in parts)


def _wrong_type(override: Override, parent: DictConfig, leaf: str) -> str | None:
    """A value of another type than the present one; below a target the signature knows better what else may stand."""
    try:
        before = parent[leaf]
    except OmegaConfBaseException:  # an interpolation that needs the run, or a value the user must give
        return None
    value: Any = override.value()
    if isinstance(before, DictConfig) and "_target_" in before and isinstance(value, str | int | float):
        return f"{override.input_line}: {override.key_or_group} is a part with options of its own, not one value"
    if "_target_" in parent or value is None or (isinstance(value, str) and "${" in value):
        return None
    kind = _kind(before)
    if kind is None or kind == _kind(value) or (kind, _kind(value)) == ("a number", "a whole number"):
        return None
    return f"{override.input_line}: {override.key_or_group} is {kind} (as {shown(before)}), not {value!r}"


def _kind(value: object) -> str | None:
    kinds = {bool: "true or false", int: "a whole number", float: "a number"}
    return kinds.get(type(value))


def _is_set(base: DictConfig, key: str) -> bool:
    try:
        return OmegaConf.select(base, key) is not None
    except OmegaConfBaseException:  # an interpolation that needs the run
        return True


def _has(node: DictConfig, name: str) -> bool:
    return name in node or OmegaConf.is_missing(node, name)
