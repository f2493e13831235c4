"""From the words on a command line to one configuration, or to all the mistakes in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from atelier.config.words import groups, suggestion

FILLED_IN = {"run_dir", "model_name", "data_name"}
"""Root keys that no user gives: :func:`fill_in` and the start of a run do."""


def fill_in(cfg: DictConfig, choices: Mapping[str, Any]) -> None:
    """Write the words that chose model and data where the configuration asks for them."""
    for name in ("model", "data"):
        if f"{name}_name" in cfg or OmegaConf.is_missing(cfg, f"{name}_name"):
            cfg[f"{name}_name"] = choices[name]


def compose(conf: Path, root: str, overrides: Sequence[str]) -> tuple[DictConfig | None, list[str]]:
    """The configuration that ``overrides`` make of ``conf/<root>.yaml``, and every mistake in the words.

    Wrong words are set aside one by one, so that all of them are found; with any mistake in a group the
    configuration is None. Nothing is imported, resolved or built.
    """
    parsed, mistakes = _parse(overrides)
    with initialize_config_dir(str(conf), version_base="1.3"):
        options = groups(conf)
        known = set(options) & set(_choices(root))
        chosen: list[Override] = []
        keys: list[Override] = []
        for override in parsed:
            (chosen if _is_group(override, known) else keys).append(override)
        wrong = [word for override in chosen for word in _wrong_choices(override, options)]
        mistakes += wrong
        fine = [str(override.input_line) for override in chosen if not _wrong_choices(override, options)]
        try:
            base = hydra_compose(root, fine)
        except HydraException as error:
            return None, [*mistakes, _tell(error)]
        good = []
        for override in keys:
            mistake = _wrong_key(override, base, known)
            if mistake:
                mistakes.append(mistake)
            else:
                good.append(str(override.input_line))
        if wrong:
            return None, mistakes
        try:
            cfg = hydra_compose(root, [*fine, *good], return_hydra_config=True)
            choices = cfg.hydra.runtime.choices
            with open_dict(cfg):
                del cfg["hydra"]
            fill_in(cfg, choices)
            return cfg, mistakes
        except (HydraException, OmegaConfBaseException) as error:
            return None, [*mistakes, _tell(error)]


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """The jobs of a sweep: every combination of the listed choices and ranges (a sampled interval stays out)."""
    jobs: list[list[str]] = [[]]
    parser = OverridesParser.create()
    for word in overrides:
        try:
            override = parser.parse_override(word)
        except HydraException:  # compose will say what is wrong with it
            jobs = [[*job, word] for job in jobs]
            continue
        if override.is_sweep_override() and not override.is_discrete_sweep():
            continue
        values = [word]
        if override.is_sweep_override():
            values = [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
        jobs = [[*job, value] for job in jobs for value in values]
    return jobs


def _parse(overrides: Sequence[str]) -> tuple[list[Override], list[str]]:
    parser = OverridesParser.create()
    parsed, mistakes = [], []
    for word in overrides:
        try:
            override = parser.parse_override(word)
        except HydraException:
            mistakes.append(f"{word!r} is no override: options are written key=value, as in data.batch_size=32")
            continue
        if override.is_sweep_override():
            mistakes.append(f"{word}: several values make a sweep: add -m")
        else:
            parsed.append(override)
    return parsed, mistakes


def _choices(root: str) -> dict[str, str]:
    """The groups that the verb composes, with their choices."""
    defaults = hydra_compose(root, return_hydra_config=True).hydra.runtime.choices
    return {str(name): str(choice) for name, choice in defaults.items() if not str(name).startswith("hydra/")}


def _is_group(override: Override, known: set[str]) -> bool:
    name = (override.key_or_group or "").split("@")[0]
    return name in known or name.startswith("hydra/")


def _wrong_choices(override: Override, options: dict[str, list[str]]) -> list[str]:
    name = (override.key_or_group or "").split("@")[0]
    if name not in options or override.is_delete():
        return []
    value = override.value()
    picked = value if isinstance(value, list) else [value]
    return [
        f"{name}={choice}: there is no {name} called {choice}{suggestion(str(choice), options[name])}"
        for choice in picked
        if choice is not None and str(choice) not in options[name]
    ]


def _wrong_key(override: Override, base: DictConfig, known: set[str]) -> str | None:
    key = override.key_or_group or ""
    if key.startswith("hydra.") or override.is_force_add():
        return None
    parent, leaf = _parent(base, key)
    if override.is_add():
        # Below a target the signature decides; elsewhere nothing would read the new key.
        if parent is not None and ("_target_" in parent or _has(parent, leaf)):
            return None
        return f"+{key}: nothing reads {key}{_keys_hint(base, key, known)}"
    if parent is None or not _has(parent, leaf):
        return f"{override.input_line}: there is no option {key}{_keys_hint(base, key, known)}"
    if override.is_delete():
        return None
    return _wrong_type(override, parent, leaf)


def _wrong_type(override: Override, parent: DictConfig, leaf: str) -> str | None:
    try:
        before = parent[leaf]
    except OmegaConfBaseException:  # an interpolation that needs the run, or a value the user must give
        return None
    value: Any = override.value()
    kinds = {bool: "true or false", int: "a whole number", float: "a number"}
    wrong = (
        (isinstance(before, bool) and not isinstance(value, bool))
        or (isinstance(before, int | float) and isinstance(value, bool) and not isinstance(before, bool))
        or (isinstance(before, int | float) and not isinstance(value, int | float) and value is not None)
        or (isinstance(before, DictConfig) and "_target_" in before and isinstance(value, str | int | float))
    )
    # A string may still be an interpolation or a file's name where null stood: the signature decides.
    if not wrong or (isinstance(value, str) and "${" in value):
        return None
    if isinstance(before, DictConfig):
        return f"{override.input_line}: {override.key_or_group} is a part with options of its own, not one value"
    return f"{override.input_line}: {override.key_or_group} is {kinds[type(before)]} (as {before}), not {value!r}"


def _has(node: DictConfig, name: str) -> bool:
    return name in node or OmegaConf.is_missing(node, name)


def _parent(base: DictConfig, key: str) -> tuple[DictConfig | None, str]:
    head, _, leaf = key.rpartition(".")
    try:
        node = OmegaConf.select(base, head) if head else base
    except OmegaConfBaseException:
        return None, leaf
    return (node if isinstance(node, DictConfig) else None), leaf


def _keys_hint(base: DictConfig, key: str, known: set[str]) -> str:
    parent, leaf = _parent(base, key)
    if parent is not None and "." in key:
        return suggestion(leaf, [str(name) for name in parent if not str(name).startswith("_")])
    flat = [*known, *(str(name) for name in base)] if "." not in key else _leaves(OmegaConf.to_container(base), "")
    return suggestion(key, set(flat))


def _leaves(node: Any, prefix: str) -> list[str]:
    if not isinstance(node, dict):
        return []
    below = [name for key, child in node.items() for name in _leaves(child, f"{prefix}{key}.")]
    return [f"{prefix}{key}" for key in node] + below


def _tell(error: Exception) -> str:
    return " ".join(str(error).split())
