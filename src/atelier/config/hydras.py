"""Words for Hydra itself: its parts (hydra/launcher=...) and its options (hydra.run.dir=...)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from atelier.config.hints import parent_of
from atelier.config.signature import shown, spoken
from atelier.config.words import nearest, suggestion

_OF_OPTUNA = ("hydra/sweeper/pruner", "hydra/sweeper/sampler")
_PARTS = ("hydra/launcher", "hydra/sweeper", *_OF_OPTUNA)
_NEEDED = {"hydra/launcher", "hydra/sweeper"}
_BUILT = {"hydra.launcher", "hydra.sweeper"}
"""What Hydra builds of its options: others than those that are there would be refused when the run has begun."""


def offers(conf: Path, root: str, path: list[str]) -> Callable[[str], list[str]]:
    """From one of Hydra's groups to its options: ours, Hydra's, and those of what is installed.

    path: the word that names a folder of the user's own YAMLs, if there is one.
    """

    def offered(group: str) -> list[str]:
        with initialize_config_dir(str(conf), version_base="1.3"):
            loader = GlobalHydra.instance().config_loader()
            return loader.get_group_options(group, config_name=root, overrides=path)

    return offered


def group_of(override: Override) -> str:
    """The group that ``override`` would choose from, if it is one."""
    return (override.key_or_group or "").split("@")[0]


def wrong_part(override: Override, offered: Callable[[str], list[str]]) -> str | None:
    """What is wrong with a choice from one of Hydra's own groups."""
    word, group = override.input_line, group_of(override)
    options, value = offered(group), override.value()
    if not options:
        return f"{word}: there is no {group}{suggestion(group, _PARTS)}"
    if override.is_delete():
        return f"{word}: a sweep cannot go without" if group in _NEEDED else None
    if group in _PARTS and (override.is_add() or override.is_force_add()):
        return f"{word}: {group} is there already; leave out the +: {group}={shown(value)}"
    if value is None:
        return f"{word}: name one, or leave {group} out"
    if isinstance(value, list) and group in _PARTS:
        return f"{word}: choose one {group}{suggestion('', options)}"
    unknown = [choice for choice in (value if isinstance(value, list) else [value]) if choice not in options]
    if not unknown:
        return None
    return f"{word}: there is no {group} called {unknown[0]}{suggestion(str(unknown[0]), options)}"


def stray(chosen: Sequence[Override]) -> list[str]:
    """What is wrong with choices of a sampler or a pruner where nothing composes, as the chosen sweeper has neither."""
    words = [(word.input_line, group_of(word)) for word in chosen]
    return [f"{word}: only hydra/sweeper=optuna has a {group}" for word, group in words if group in _OF_OPTUNA]


def wrong_setting(override: Override, base: DictConfig) -> str | None:
    """What is wrong with the name of one of Hydra's options; of its value :func:`refused` tells."""
    key, word = override.key_or_group or "", override.input_line or ""
    parent, leaf = parent_of(base, key)
    adds = override.is_add() or override.is_force_add()
    if parent is None:
        known = f"{word}: there is no option {key}{suggestion(key, _options(base.hydra))}"
        return None if adds and _is_open(base, key.rpartition(".")[0]) else known
    if leaf in set(parent.keys()):  # a node itself denies what is yet to be filled in
        if override.is_add():
            return f"{word}: {key} is there already; leave out the +: {word.lstrip('+')}"
        return _wrong_verbosity(override) if key == "hydra.verbose" else None
    above = key.rpartition(".")[0]
    if adds:
        return f"{word}: nothing reads {key}{suggestion(leaf, _names(parent))}" if above in _BUILT else None
    if _is_open(base, key) and nearest(leaf, _names(parent)) is None:
        return f"{word}: there is no option {key}; to add it, write +{word}"
    return f"{word}: there is no option {key}{suggestion(leaf, _names(parent))}"


def _wrong_verbosity(override: Override) -> str | None:
    """What is wrong with ``hydra.verbose``: Hydra takes any value for it, and asserts later."""
    if override.is_delete() or isinstance(override.value(), bool | str | list):
        return None
    return f"{override.input_line}: hydra.verbose is true, false, or the loggers that tell all they know: [a,b]"


def _is_open(base: DictConfig, key: str) -> bool:
    """Whether what would hold ``key``, if need be further up, is no part and has no fixed names, as variables of the
    environment and loggers: it is there to be added to."""
    parent, _ = parent_of(base, key)
    above = key.rpartition(".")[0]
    if parent is None:
        return _is_open(base, above)
    return OmegaConf.get_type(parent) is dict and above not in _BUILT


def refused(override: Override, base: DictConfig) -> str:
    """What to say of one of Hydra's options that cannot be set to what it was given."""
    key, word = override.key_or_group or "", override.input_line or ""
    if override.is_delete():
        return f"{word}: {key} cannot be taken away"
    parent, leaf = parent_of(base, key)
    node = None if parent is None else parent._get_node(leaf)
    if isinstance(node, DictConfig):
        names = ", ".join(_names(node))
        own = f"has options of its own ({names})" if names else f"takes options of any name (+{key}.<name>=<value>)"
        return f"{word}: {key} {own}, and is not one value"
    assert node is not None  # its name was looked at first
    return f"{word}: {key} is {spoken(node._metadata.ref_type)}, not {shown(override.value())}"


def _names(node: DictConfig) -> list[str]:
    return sorted(str(name) for name in node if not str(name).startswith("_"))


def _options(node: DictConfig, prefix: str = "hydra.") -> list[str]:
    """All options below ``node``."""
    found = []
    for name in _names(node):
        plain = not OmegaConf.is_interpolation(node, name) and not OmegaConf.is_missing(node, name)
        below = node[name] if plain else None
        found += [f"{prefix}{name}"] if not isinstance(below, DictConfig) else _options(below, f"{prefix}{name}.")
    return found
