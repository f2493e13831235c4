"""What a sweep will run, known before it begins: its jobs, its launcher, its sweeper. Needs no torch."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import Glob, IntervalSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.config.compose import expand
from atelier.config.machinery_options import wrong_options
from atelier.config.override import is_sampled, key_of, read

_EXTRAS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", "joblib"),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", "submitit"),
    "submitit_slurm": ("hydra_plugins.hydra_submitit_launcher", "submitit"),
    "ray": ("hydra_plugins.hydra_ray_launcher", "ray"),
}
"""Launchers that others wrote: the package, and the extra that brings it."""

_PROCESS = "hydra_plugins.atelier_process."
_OF_MACHINERY = re.compile(r"hydra[./]|search$")
_SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
_OPTUNA = "hydra_plugins.atelier_optuna."


def joined(params: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """The words of a sweep: parameters that are written down, and the command line's, which beat them."""
    given = {key_of(word) for word in words}
    return [*(f"{key}={_text(value)}" for key, value in params.items() if key_of(key) not in given), *words]


def machinery(conf: Path, root: str, words: Sequence[str], extra: Path | None) -> DictConfig | None:
    """Hydra's own part of what ``words`` compose (launcher, sweeper, folders), or None if not even that composes.

    Options with several values stand at their first. Whatever is wrong with other words, the sweeper is the one that
    was asked for.
    """
    path = [] if extra is None else [f"hydra.searchpath=['file://{extra.resolve()}']"]
    first = covering(words)[0]
    with initialize_config_dir(str(conf), version_base="1.3"):
        for some in (first, [word for word in first if _OF_MACHINERY.match(key_of(word))]):
            # config.compose says what is wrong with words; Hydra's error of a group that is null is a bare ValueError.
            with suppress(HydraException, OmegaConfBaseException, ValueError):
                hydra = compose(root, [*path, *some], return_hydra_config=True).hydra
                assert isinstance(hydra, DictConfig)
                return hydra
    return None


def planned(hydra: DictConfig | None, words: Sequence[str]) -> list[list[str]]:
    """The jobs to be looked at before a sweep: all of a grid; where trials are drawn, as many as show every listed
    value and both ends of every interval once."""
    params = written(hydra)
    everything = joined(params, words)
    return covering(everything) if draws(hydra) else expand(everything)


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


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def unfit(hydra: DictConfig | None, configs: Sequence[DictConfig]) -> list[str]:
    """What keeps launcher and sweeper from running these jobs: a wrong option, a missing library, processes in
    processes."""
    if hydra is None:
        return []
    crowded = dict.fromkeys(_crowded(hydra, configs))
    return [*wrong_options(hydra), *_missing(hydra), *_pruned_in_process(hydra), *crowded]


def is_search(hydra: DictConfig | None) -> bool:
    """Whether the sweeper is Optuna's."""
    return hydra is not None and str(hydra.sweeper._target_).startswith(_OPTUNA)


def absent(words: Sequence[str]) -> list[str]:
    """Launchers among ``words`` that are not installed: Hydra would only say that there is none of the name."""
    lacking = []
    for word in words:
        group, _, name = word.partition("=")
        if group == "hydra/launcher" and name in _EXTRAS and not _there(_EXTRAS[name][0]):
            lacking.append((word, _EXTRAS[name][1]))
    return [_needs(word, extra) for word, extra in lacking]


def _needs(word: str, extra: str) -> str:
    return f"{word} needs the extra {extra}: uv sync --extra {extra}"


def _missing(hydra: DictConfig) -> list[str]:
    lacking = []
    if is_search(hydra):
        if not (_there("optuna") and _there("sqlalchemy")):
            lacking.append(("hydra/sweeper=optuna", "optuna"))
        if str(hydra.sweeper.storage).startswith("postgresql") and not _there("psycopg"):
            lacking.append((f"hydra.sweeper.storage={str(hydra.sweeper.storage).partition(':')[0]}:...", "postgresql"))
    return [_needs(word, extra) for word, extra in lacking]


def _there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _pruned_in_process(hydra: DictConfig) -> list[str]:
    """Pruning asks a job after each validation, which only our own launcher can."""
    pruner = str(OmegaConf.select(hydra, "sweeper.pruner._target_") or "optuna.pruners.NopPruner")
    if pruner == "optuna.pruners.NopPruner" or str(hydra.launcher._target_).startswith(_PROCESS):
        return []
    choices = hydra.runtime.choices
    return [
        f"hydra/sweeper/pruner={choices['hydra/sweeper/pruner']} cannot stop jobs of "
        f"hydra/launcher={choices['hydra/launcher']}; use hydra/launcher=process, or hydra/sweeper/pruner=none"
    ]


def _crowded(hydra: DictConfig, configs: Sequence[DictConfig]) -> list[str]:
    """A run of several devices starts processes that repeat its command: within a launcher's process, the sweep's."""
    launcher, name = str(hydra.launcher._target_), hydra.runtime.choices["hydra/launcher"]
    if launcher.startswith(_PROCESS):
        return []
    mistakes = []
    for cfg in configs:
        trainer = cfg.get("trainer") or {}
        devices, tasks = trainer.get("devices", 1), int(hydra.launcher.get("tasks_per_node", 1))
        if tasks > 1 and tasks != devices:
            mistakes.append(
                f"hydra.launcher.tasks_per_node={tasks} with trainer.devices={devices}: each task is one device's "
                "process, so the two must be the same number"
            )
        elif _several(trainer) and not (launcher == _SLURM and tasks == devices):
            way = f"hydra.launcher.tasks_per_node={devices}" if launcher == _SLURM else "hydra/launcher=process"
            mistakes.append(
                f"trainer.devices={devices} with hydra/launcher={name}: each further process of a run would start the "
                f"whole sweep again, and ranks would train different jobs; use {way}"
            )
    return mistakes


def _several(trainer: Any) -> bool:
    devices = trainer.get("devices", 1)
    if trainer.get("num_nodes", 1) not in (None, 1):
        return True
    if isinstance(devices, int) and not isinstance(devices, bool):
        return devices not in (0, 1)
    if isinstance(devices, str):
        word = devices.strip()
        if word.isdecimal():
            return int(word) > 1
        return "," in word.strip(",") or (word in ("-1", "auto") and trainer.get("accelerator") != "cpu")
    return devices is not None and len(devices) > 1
