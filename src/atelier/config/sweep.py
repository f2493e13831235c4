"""The jobs of a sweep, known before it begins. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Glob, IntervalSweep, RangeSweep
from omegaconf import DictConfig, OmegaConf

from atelier.config.override import is_sampled, key_of, read
from atelier.config.signature import shown


def joined(params: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """The words of a sweep: parameters that are written down, and the command line's, which beat them."""
    given = {key_of(word) for word in words}
    return [*(f"{key}={shown(value)}" for key, value in params.items() if key_of(key) not in given), *words]


def planned(hydra: DictConfig | None, words: Sequence[str]) -> list[list[str]]:
    """The jobs to be looked at before a sweep: all of a grid; where trials are drawn, as many as show every listed
    value and both ends of every interval once."""
    params = written(hydra)
    everything = joined(params, words)
    return covering(everything) if draws(hydra) else expand(everything)


def expand(words: Sequence[str]) -> list[list[str]]:
    """The jobs of a sweep: every combination of the listed choices and ranges (a sampled interval stays out)."""
    return [list(job) for job in product(*(_values(word) for word in words if not is_sampled(word)))]


def listed(words: Sequence[str], groups: Path) -> list[str]:
    """``words`` for Hydra, which looks at a sweep first without what is swept.

    Where that is a group's option, keys that belong to it would be unknown to Hydra: they go as lists of one value,
    which are swept as well.

    groups: the folder of the groups.
    """
    swept = [key_of(word) for word in words if (override := read(word)) is not None and override.is_sweep_override()]
    if not any("/" in key or (groups / key).is_dir() for key in swept):
        return list(words)
    return [_as_list(word) for word in words]


def _as_list(word: str) -> str:
    override, (key, _, value) = read(word), word.partition("=")
    if override is None or override.is_sweep_override() or "." not in key or key.startswith("hydra."):
        return word
    sent = f"{key}=choice({value})"
    if read(sent) is not None:
        return sent
    # Hydra takes neither null nor nothing into a list; of what has two pluses it does not ask whether the key is known.
    return word if key.startswith("+") else f"++{word}"


def written(hydra: DictConfig | None) -> dict[str, Any]:
    """The sweeper's parameters."""
    node = None if hydra is None else OmegaConf.select(hydra, "sweeper.params")
    found: dict[str, Any] = {} if node is None else OmegaConf.to_container(node)  # type: ignore[assignment]  # a mapping
    return found


def draws(hydra: DictConfig | None) -> bool:
    """Whether the sweeper can draw from intervals."""
    target = "" if hydra is None else str(OmegaConf.select(hydra, "sweeper._target_"))
    return hydra is not None and not target.startswith(("hydra_plugins.atelier_grid.", "hydra._internal."))


def left_open(hydra: DictConfig | None, words: Sequence[str]) -> list[str]:
    """What is wrong with a search's name in the words of a single run: options that the search would vary."""
    named = next((word for word in words if word.startswith("search=") and word != "search=null"), None)
    if named is None:
        return []
    given = {key_of(word) for word in words}
    vague = [key for key in written(hydra) if key_of(key) not in given]
    return [f"{named} varies {', '.join(vague)}: add -m to search, or give each of them one value"] if vague else []


def patterns(words: Sequence[str]) -> list[str]:
    """What is wrong with values that stand for whatever fits them."""
    found = {word: override for word in words if (override := read(word)) is not None}
    return [
        f"{word}: patterns are not looked up; list the values: {override.get_key_element()}=a,b"
        for word, override in found.items()
        if isinstance(override.value(), Glob)
    ]


def empty(words: Sequence[str]) -> list[str]:
    """What is wrong with ranges that hold nothing."""
    found = {word: override.value() for word in words if (override := read(word)) is not None}
    ranges = [word for word, value in found.items() if isinstance(value, RangeSweep)]
    return [f"{word}: there is no number in this range" for word in ranges if _values(word) == [word]]


def undrawn(hydra: DictConfig | None, words: Sequence[str]) -> list[str]:
    """What is wrong with the intervals of a sweep that goes through lists."""
    sampled = [] if draws(hydra) else [word for word in joined(written(hydra), words) if is_sampled(word)]
    way = "is for sweepers that draw (hydra/sweeper=optuna); list values, a,b"
    return [f"{word}: an interval {way}" for word in sampled]


def as_typed(text: str, words: Sequence[str]) -> str:
    """``text`` of an option that there is not, by the one of ``words`` that names it: not by each of its values."""
    for word in words:
        key = key_of(word)
        said = re.search(rf": (there is no option|nothing reads) {re.escape(key)}(?![\w.])", text)
        if said is not None and key_of(word_of_job := text[: said.start()]) == key:
            return text.replace(word_of_job, word)
    return text


def covering(words: Sequence[str]) -> list[list[str]]:
    """As few jobs as show every value of every option: the k-th job has the k-th of each, or its last."""
    columns = [_values(word) for word in words]
    return [
        [column[-1] if value is None else value for value, column in zip(row, columns, strict=True)]
        for row in zip_longest(*columns)
    ] or [[]]


def _values(word: str) -> list[str]:
    override = read(word)
    if override is None or not override.is_sweep_override():
        return [word]
    key = override.get_key_element()
    if override.is_discrete_sweep():
        return [f"{key}={value}" for value in override.sweep_string_iterator()] or [word]
    interval = override.value()
    assert isinstance(interval, IntervalSweep)
    return [f"{key}={interval.start}", f"{key}={interval.end}"]
