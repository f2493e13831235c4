"""Hydra's own part: launcher and sweeper, and what keeps them from running jobs. Needs no torch."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.config.machinery_options import wrong_options
from atelier.config.override import key_of
from atelier.config.sweep import covering
from atelier.config.words import search_path

_EXTRAS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", "joblib"),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", "submitit"),
    "submitit_slurm": ("hydra_plugins.hydra_submitit_launcher", "submitit"),
    "ray": ("hydra_plugins.hydra_ray_launcher", "ray"),
}
"""Launchers that others wrote: the package, and the extra that brings it."""

_OF_MACHINERY = re.compile(r"hydra[./]|search$")
_PROCESS = "hydra_plugins.atelier_process."
_SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
_OPTUNA = "hydra_plugins.atelier_optuna."


def machinery(conf: Path, root: str, words: Sequence[str], extra: Path | None) -> DictConfig | None:
    """Hydra's own part of what ``words`` compose (launcher, sweeper, folders), or None if not even that composes.

    Options with several values stand at their first. Whatever is wrong with other words, the sweeper is the one that
    was asked for.
    """
    path = search_path(extra)
    first = covering(words)[0]
    with initialize_config_dir(str(conf), version_base="1.3"):
        for some in (first, [word for word in first if _OF_MACHINERY.match(key_of(word))]):
            # config.compose says what is wrong with words; Hydra's error of a group that is null is a bare ValueError.
            with suppress(HydraException, OmegaConfBaseException, ValueError):
                hydra = compose(root, [*path, *some], return_hydra_config=True).hydra
                assert isinstance(hydra, DictConfig)
                return hydra
    return None


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
