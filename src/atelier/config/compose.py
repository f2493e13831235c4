"""From the words on a command line to one configuration, or to all the mistakes in them."""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from atelier.config.axes import PARTS
from atelier.config.grouped import grouped, grouped_again
from atelier.config.hydras import group_of, offers, refused, stray, wrong_part
from atelier.config.override import parse, wrong_choice, wrong_key
from atelier.config.words import groups, nearest, search_path


def fill_in(cfg: DictConfig, choices: Mapping[str, Any], run_dir: str, started_in: str) -> None:
    """Write the run's folder, the working folder and the words that chose model and data where they are asked for."""
    filled = {"model_name": choices.get("model"), "data_name": choices.get("data")}
    filled |= {"run_dir": run_dir, "started_in": started_in}
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
    options = groups(conf, *([] if extra is None else [extra]))
    path = search_path(extra)
    choices = _choices(conf, root)
    known = set(choices) & set(options)
    parsed, mistakes = parse(overrides)
    chosen = [override for override in parsed if _is_group(override, known)]
    keys = [override for override in parsed if not _is_group(override, known)]
    dispensable = {name for name, choice in choices.items() if choice in (None, "null")} | {"logger"}
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
        cfg = grouped(conf, root, fine) if extra else grouped_again(conf, root, tuple(fine))
    except (HydraException, OmegaConfBaseException) as error:
        return Judged(None, [*mistakes, *(stray(chosen) or [_tell(error)])], settled=False)
    fill_in(cfg, cfg.hydra.runtime.choices, run_dir="run", started_in=".")
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
    return axis in unknown or bool(unknown & {"experiment", "search"}) or ("model" in unknown and axis in PARTS)


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
