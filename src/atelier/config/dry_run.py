"""A dry run before any work: every part is built once without memory, so that refused values are all found."""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pytorch_lightning import Trainer
from torch.optim import Optimizer

from atelier.config.build import build
from atelier.config.signature import targets, typed, unfit


def dry_run(cfg: DictConfig) -> list[str]:
    """What the constructors say against the configured values; nothing is allocated, read or written.

    Loggers open files and accounts when they are built: they wait for the run's folder. The trainer looks for the
    machine's devices, so it alone is not built on the meta device.
    """
    mistakes = unfit(cfg)
    parts = [(path, node) for path, node in _inside_out(cfg) if not mistakes or _sound(node)]
    failed: dict[str, str] = {}
    with quiet():
        for path, node in parts:
            if path.split(".")[0] == "logger" or any(f"{bad}.".startswith(f"{path}.") for bad in failed):
                continue
            try:
                if path == "trainer":
                    _try(node, "cpu")
                else:
                    _try_once(node)
            except (ValueError, TypeError, MisconfigurationException) as error:  # a Mistake is a ValueError
                # A part that others refer to is refused wherever it is built: once is enough.
                if str(error) not in failed.values():
                    mistakes.append(_named(cfg, path, str(error)))
                failed[path] = str(error)
    # So is a value that several parts refuse, each in words of its own.
    return list({text.partition(": ")[0]: text for text in reversed(mistakes)}.values())[::-1]


def _sound(node: DictConfig) -> bool:
    """Whether signatures have nothing against ``node`` with all that it refers to."""
    try:
        return unfit(OmegaConf.create({"part": OmegaConf.to_container(node, resolve=True)})) == []
    except OmegaConfBaseException:
        return False


_built: set[str] = set()
"""Descriptions of parts that could be built in this process: the jobs of a sweep share most of theirs."""


def _try_once(node: DictConfig) -> None:
    description = json.dumps(OmegaConf.to_container(node, resolve=True), default=str)
    if description not in _built:
        _try(node, "meta")
        _built.add(description)


def _try(node: DictConfig, device: str) -> None:
    """Build ``node``, and what only refuses its settings once it is called."""
    with torch.device(device), torch.random.fork_rng(devices=[]):
        built = build(node)
        made: Any = built.func if isinstance(built, partial) else None
        if isinstance(made, type) and issubclass(made, Optimizer):
            built([torch.nn.Parameter(torch.empty(1))])
        if made is Trainer:
            built(logger=False)


def _inside_out(cfg: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Parts before the wholes that they are built into; axes stand before the model in the roots."""
    for group in cfg:
        if not OmegaConf.is_missing(cfg, group):
            yield from reversed(list(targets(cfg[group], str(group))))


def _named(cfg: DictConfig, path: str, text: str) -> str:
    """The refusal with the name of the option as the user would type it."""
    axis = path.split(".", maxsplit=1)[0]
    if text.startswith((f"{axis}.", f"{axis}=", f"{axis}:")):
        return text
    if named := re.match(r"(\w+)(?==)", text):
        return typed(cfg, f"{path}.{named[1]}") + text.removeprefix(named[1])
    return f"{_blamed(cfg, path, text)}: {text}"


def _blamed(cfg: DictConfig, path: str, text: str) -> str:
    """The option below ``path`` whose value ``text`` quotes, with that value; ``path`` itself if that is not plain."""
    node: Any = OmegaConf.to_container(OmegaConf.select(cfg, path), resolve=True)
    quoted = {
        name: value
        for name, value in node.items()
        if name != "_target_"
        for part in (value if isinstance(value, list) else [value])
        if not isinstance(part, dict | bool | None) and re.search(rf"(?<![\w.]){re.escape(str(part))}(?![\w.])", text)
    }
    named = {name: value for name, value in quoted.items() if re.search(rf"\b{name}\b", text)}
    plain = quoted if len(quoted) == 1 else named
    if len(plain) != 1:
        return path
    ((name, value),) = plain.items()
    return f"{typed(cfg, f'{path}.{name}')}={value}"


@contextmanager
def quiet() -> Iterator[None]:
    """The real run will say what there is to say, once."""
    lightning = logging.getLogger("pytorch_lightning")
    level = lightning.level
    lightning.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        lightning.setLevel(level)
