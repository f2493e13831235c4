"""What is wrong with the options of our own launcher and sweepers, known before a sweep begins."""

from __future__ import annotations

import importlib

from omegaconf import DictConfig, OmegaConf

from atelier.config.signature import targets, unfit_arguments

_KNOWN = ("hydra_plugins.atelier_", "optuna.")
_COUNTS = (("launcher", "jobs"), ("sweeper", "n_trials"), ("sweeper", "n_jobs"))


def wrong_options(hydra: DictConfig) -> list[str]:
    """Arguments that launcher and sweeper, and a search's parts, do not know or cannot take.

    Of other people's launchers nothing is said.
    """
    found: dict[str, str] = {}
    for name in ("launcher", "sweeper"):
        for path, node in targets(hydra[name], f"hydra.{name}"):
            if str(node._target_).startswith(_KNOWN) and (kind := _found(str(node._target_))) is not None:
                found |= dict(unfit_arguments(path, node, kind))
    for name, option in _COUNTS:
        count = OmegaConf.select(hydra, f"{name}.{option}")
        # What only refers to another is told there.
        if type(count) is int and count < 1 and not OmegaConf.is_interpolation(hydra[name], option):
            found[f"hydra.{name}.{option}"] = f"={count}: at least 1"
    return [f"{option}{mistake}" for option, mistake in found.items()]


def _found(target: str) -> type | None:
    """The class that ``target`` names; None where its library is missing, which is told elsewhere."""
    module, _, name = target.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
    return kind if isinstance(kind, type) else None
