"""From the words on a command line to one configuration, or to all the mistakes in them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Container, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from atelier.config.fit import AXES
from atelier.config.hydras import group_of, offers, refused, stray, wrong_part
from atelier.config.override import parse, wrong_choice, wrong_key
from atelier.config.words import groups, nearest


def fill_in(cfg: DictConfig, choices: Mapping[str, Any], run_dir: str) -> None:
    """Write the run's folder and the words that chose model and data where the configuration asks for them."""
    filled = {"run_dir": run_dir, "model_name": choices.get("model"), "data_name": choices.get("data")}
    asked = set(cfg.keys())  # a missing value counts as a key, but is not "in"
    cfg.update({name: value for name, value in filled.items() if name in asked})


class Judged(NamedTuple):
    """What words come to.

    cfg: the configuration, in which the nearest right choices stand for wrong ones; None where that does not compose.
    mistakes: in the words. settled: whether every choice is one that there is.
    """

    cfg: DictConfig | None
    mistakes: list[str]
    settled: bool


def compose(
    conf: Path, root: str, overrides: Sequence[str], extra: Path | None = None
) -> tuple[DictConfig | None, list[str]]:
    """The configuration that ``overrides`` make of ``conf/<root>.yaml``, and every mistake in the words.

    With any mistake in a group the configuration is None. Nothing is imported, resolved or built; the run's folder is a
    placeholder.

    extra: a folder of the user's own YAMLs.
    """
    judged = judge(conf, root, overrides, extra)
    return judged.cfg if judged.settled else None, judged.mistakes


def judge(conf: Path, root: str, overrides: Sequence[str], extra: Path | None = None) -> Judged:
    """The same, and where choices are wrong what is left: wrong words are set aside one by one, so that all of them are
    found."""
    chosen: list[Override] = []
    keys: list[Override] = []
    options = groups(conf, *([] if extra is None else [extra]))
    path = [] if extra is None else [f"hydra.searchpath=['file://{extra.resolve()}']"]
    choices = _choices(conf, root)
    known = set(choices) & set(options)
    dispensable = {name for name, choice in choices.items() if choice in (None, "null")} | {"logger"}
    parsed, mistakes = parse(overrides)
    for override in parsed:
        (chosen if _is_group(override, known) else keys).append(override)
    offered = offers(conf, root, path)
    wrong = {
        word.input_line: text
        for word in chosen
        if (text := wrong_choice(word, options, dispensable) if group_of(word) in known else wrong_part(word, offered))
    }
    stand_ins = {word.input_line: _stand_in(word, options) for word in chosen if word.input_line in wrong}
    fine = [*path, *(word for one in chosen if (word := stand_ins.get(one.input_line, one.input_line)) is not None)]
    mistakes += wrong.values()
    try:
        cfg = _grouped(conf, root, fine) if extra else _grouped_again(conf, root, tuple(fine), _state(conf))
    except (HydraException, OmegaConfBaseException) as error:
        return Judged(None, [*mistakes, *(stray(chosen) or [_tell(error)])], settled=False)
    fill_in(cfg, cfg.hydra.runtime.choices, run_dir="run")
    unknown = {group_of(word) for word in chosen if stand_ins.get(word.input_line, "") is None}
    for override in keys:
        text = wrong_key(override, cfg, known) or _set(cfg, override, options)
        if text and not _depends(override, unknown):
            mistakes.append(text)
    with open_dict(cfg):
        del cfg["hydra"]
    return Judged(cfg, mistakes, settled=not wrong)


def _stand_in(override: Override, options: Mapping[str, Sequence[str]]) -> str | None:
    """The nearest right choice to a wrong one."""
    group, value = group_of(override), override.value()
    near = nearest(value, options.get(group, ())) if isinstance(value, str) else None
    return near and f"{group}={near}"


def _depends(override: Override, unknown: Set[str]) -> bool:
    """Whether it takes one of the ``unknown`` choices to know what options there are where this one is set."""
    axis = (override.key_or_group or "").split(".")[0]
    return axis in unknown or bool(unknown & {"experiment", "search"}) or ("model" in unknown and axis in AXES)


def _grouped(conf: Path, root: str, words: Sequence[str]) -> DictConfig:
    """What choices of groups make of a root, with Hydra's own part."""
    with initialize_config_dir(str(conf), version_base="1.3"):
        return hydra_compose(root, list(words), return_hydra_config=True)


_State = frozenset[tuple[Path, int]]
"""Of files: so that an edited one is read again."""

_asked: set[int] = set()


def _grouped_again(conf: Path, root: str, words: tuple[str, ...], state: _State) -> DictConfig:
    """The same; for jobs of a sweep, which mostly differ in single options, without reading the files each time.

    What is asked for once, as by most commands, is not kept: a copy takes a twentieth of the command's time.
    """
    asked = hash((conf, root, words, state))
    if asked in _asked:
        return copy.deepcopy(_kept(conf, root, words, state))
    _asked.add(asked)
    return _grouped(conf, root, words)


@functools.lru_cache(maxsize=32)
def _kept(conf: Path, root: str, words: tuple[str, ...], state: _State) -> DictConfig:
    return _grouped(conf, root, words)


def _state(conf: Path) -> _State:
    found = set()
    for file in conf.rglob("*.yaml"):
        with suppress(FileNotFoundError):  # what an editor leaves beside a file that is open in it
            found.add((file, file.stat().st_mtime_ns))
    return frozenset(found)


def _set(cfg: DictConfig, override: Override, options: Container[str]) -> str | None:
    """Set a single option in ``cfg`` as Hydra does after it has put the groups together, or what is wrong with that."""
    if override.key_or_group in options and not isinstance(override.value(), dict):
        return f"{override.input_line}: {override.key_or_group} is neither added, nor taken away, nor null here"
    try:
        ConfigLoaderImpl._apply_overrides_to_config([override], cfg)
    except (HydraException, OmegaConfBaseException) as error:
        if (override.key_or_group or "").startswith("hydra."):
            return refused(override, cfg)
        return f"{override.input_line}: cannot be set ({str(error.__cause__ or error).splitlines()[0]})"
    return None


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


@functools.cache
def _choices(conf: Path, root: str) -> dict[str, Any]:
    """The groups that the verb is composed of, and what it chooses by itself.

    Read from the root's own list of defaults: composing it to find out would take as long as all else that is asked.
    """
    listed = yaml.safe_load((conf / f"{root}.yaml").read_text(encoding="utf-8"))["defaults"]
    chosen = {name: choice for entry in listed if isinstance(entry, dict) for name, choice in entry.items()}
    return {name: choice for name, choice in chosen.items() if not name.startswith("override ")}


def _is_group(override: Override, known: set[str]) -> bool:
    name = group_of(override)
    return name in known or name.startswith("hydra/")


def _tell(error: Exception) -> str:
    return " ".join(f"{error} {error.__cause__ or ''}".split())
