"""What differs in the configurations of several runs. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

from atelier.task.comparing.files import clean, number
from atelier.task.comparing.runs import Run

ABSENT = "–"
_CLASS = "._target_"
KIND = ("model_name", "data_name")
"""Options whose values say by themselves what they are of."""
_TELLING = (*KIND, "objective", "regularizer")  # by which people call a run, whatever else goes with them


_FOLLOWING = {"trainer.check_val_every_n_epoch"}  # validate_every, bounded by trainer.max_epochs
"""Options that others set, where nobody typed them."""


class Option(NamedTuple):
    """An option that runs differ in.

    name: as it is typed, and ``short``: its end, as far as that is clear.
    companions: the further options that differ wherever this one does, and nowhere else.
    """

    name: str
    short: str
    companions: tuple[str, ...]


def differences(runs: Sequence[Run]) -> list[Option]:
    """The options that tell ``runs`` apart, one for all that go together; runs without a configuration do not count.

    A learning rate that two players share is one difference. So is another model or other data, with all that the runs
    of a kind share. The name is the model's or the data's, else the one that somebody typed, else the shortest.
    """
    known = [run for run in runs if run.config]
    typed = frozenset[str]().union(*(run.typed for run in known))
    paths = dict.fromkeys(path for run in known for path in run.config)
    parts = {_bare(path) for path in paths if path.endswith(_CLASS)}
    # What is a part in one run may be null in another: one name, one option.
    names = dict.fromkeys(map(_bare, paths))
    patterns = {name: _pattern([settings(run.config, _path(run.config, name)) for run in known]) for name in names}
    telling = patterns.keys() - (_FOLLOWING - typed)
    varied = {name: pattern for name, pattern in patterns.items() if name in telling and len(set(pattern)) > 1}
    kinds = _pattern([f"{run.model} {run.data}" for run in known])
    kind = next((varied[name] for name in KIND if name in varied), None)
    together: dict[tuple[int, ...], list[str]] = {}
    for name, pattern in varied.items():
        home = kind if kind is not None and name not in KIND and _follows(pattern, kinds) else pattern
        together.setdefault(home, []).append(name)
    ranked = [sorted(members, key=lambda name: _rank(name, typed, parts)) for members in together.values()]
    leaders = [members[0] for members in ranked]
    return [
        Option(clean(leader), clean(_short(leader, leaders)), _companions(others))
        for leader, *others in sorted(ranked, key=lambda members: _rank(members[0], typed, parts))
    ]


def settings(config: Mapping[str, Any], path: str) -> str | None:
    """The value of an option in a form in which equal ones are equal; None where there is no such option."""
    if path not in config:
        return None
    value = number(config[path])
    return repr(value) if value is not None else json.dumps(config[path], sort_keys=True, default=str)


def value_of(run: Run, option: Option) -> Any:
    """The run's value of ``option``; :data:`ABSENT` where it has none."""
    return run.config.get(_path(run.config, option.name), ABSENT)


def shown(run: Run, option: Option) -> str:
    """The run's value of ``option`` as people read it: a number in few digits, a class by its last name."""
    value = value_of(run, option)
    if option.name not in run.config and isinstance(value, str):
        return clean(value.rpartition(".")[2], 40)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if (figure := number(value)) is not None:
        return f"{figure:g}"
    return clean(json.dumps(value, default=str) if isinstance(value, list | dict) else value, 40)


def same_settings(run: Run) -> frozenset[tuple[str, str | None]]:
    """What runs of one configuration with several seeds have in common."""
    return frozenset((path, settings(run.config, path)) for path in run.config)


def _pattern(values: Sequence[str | None]) -> tuple[int, ...]:
    """Which runs share a value, whatever it is: for each the place of the first that has it."""
    return tuple(values.index(value) for value in values)


def _follows(pattern: Sequence[int], kinds: Sequence[int]) -> bool:
    """Whether runs of one kind share a value."""
    return len(set(zip(kinds, pattern, strict=True))) == len(set(kinds))


def _rank(name: str, typed: frozenset[str], parts: Set[str]) -> tuple[int, bool, bool, int, int, str]:
    return (
        _TELLING.index(name) if name in _TELLING else len(_TELLING),
        name not in typed,
        name not in parts,
        name.count("."),
        len(name),
        name,
    )


def _companions(names: Sequence[str]) -> tuple[str, ...]:
    """Their names, but for classes that the model's or the data's name tells."""
    return tuple(clean(name) for name in names if f"{name}_name" not in KIND)


def _bare(path: str) -> str:
    return path.removesuffix(_CLASS)


def _path(config: Mapping[str, Any], name: str) -> str:
    """Where the value of an option stands: under its name, or a part's class below it."""
    return name if name in config else name + _CLASS


def _short(name: str, all_names: Sequence[str]) -> str:
    """The shortest end of ``name`` that none of the others shares."""
    parts = name.split(".")
    others = [other.split(".") for other in all_names if other != name]
    for count in range(1, len(parts)):
        if not any(other[-count:] == parts[-count:] for other in others):
            return ".".join(parts[-count:])
    return ".".join(parts).removesuffix("_name")
