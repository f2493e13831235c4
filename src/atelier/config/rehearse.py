"""A rehearsal before any work: every part is built once without memory, so that refused values are all found."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from omegaconf import DictConfig, OmegaConf

from atelier.config.build import build
from atelier.config.signature import targets, unfit


def refused(cfg: DictConfig) -> list[str]:
    """What the constructors say against the configured values; nothing is allocated, read or written.

    Loggers open files and accounts when they are built: they wait for the run's folder. The trainer looks for the
    machine's devices, so it alone is not built on the meta device.
    """
    mistakes = unfit(cfg)
    if mistakes:
        return mistakes
    failed: dict[str, str] = {}
    for path, node in _inside_out(cfg):
        if path.split(".")[0] == "logger" or any(bad.startswith(path) for bad in failed):
            continue
        try:
            with (
                _quiet(),
                torch.device("cpu" if path == "trainer" else "meta"),
                torch.random.fork_rng(devices=[]),
            ):
                built = build(node)
                if path == "trainer":
                    built(logger=False)
                if hasattr(built, "configure_optimizers"):
                    built.configure_optimizers()
        except ValueError as error:  # a Mistake, or an optimizer that refuses its settings
            # A part that others refer to is refused wherever it is built: once is enough.
            if str(error) not in failed.values():
                mistakes.append(_named(path, str(error)))
            failed[path] = str(error)
    return mistakes


def _inside_out(cfg: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Parts before the wholes that they are built into; axes stand before the model in the roots."""
    for group in cfg:
        if not OmegaConf.is_missing(cfg, group):
            yield from reversed(list(targets(cfg[group], str(group))))


def _named(path: str, text: str) -> str:
    """The refusal with the name of the option as the user would type it."""
    axis = path.split(".", maxsplit=1)[0]
    if text.startswith((f"{axis}.", f"{axis}=", f"{axis}:")):
        return text
    return f"{path}.{text}" if re.match(r"\w+=", text) else f"{path}: {text}"


@contextmanager
def _quiet() -> Iterator[None]:
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
