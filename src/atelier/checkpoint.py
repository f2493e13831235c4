"""Checkpoints as contracts: what they carry, how they are read without trusting them."""

from __future__ import annotations

import importlib.metadata
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn

from atelier.config.build import build
from atelier.config.environment import register_resolvers
from atelier.config.signature import unfit
from atelier.types import Mistake

FORMAT = 1


class Loaded(NamedTuple):
    """A model in evaluation mode, the resolved configuration that made it, and the file that it came from."""

    model: LightningModule
    cfg: DictConfig
    file: Path


class Passport(Callback):
    """Writes the configuration and the versions into every checkpoint, so that each is enough for every verb."""

    def __init__(self, cfg: DictConfig) -> None:
        self._config = OmegaConf.to_container(cfg, resolve=True)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the key ``atelier``: format, version and config, all plain types."""
        checkpoint["atelier"] = {"format": FORMAT, "version": version(), "config": self._config}


def version() -> str:
    """The version of this installation, or "checkout" where the project is used without being installed."""
    try:
        return importlib.metadata.version("atelier-lab")
    except importlib.metadata.PackageNotFoundError:
        return "checkout"


def find(path: str | Path) -> Path:
    """The checkpoint that ``path`` means: the file itself, or the best (else the last) of a run's folder.

    Raises:
        Mistake: if there is none.
    """
    place = Path(path)
    if place.is_file():
        return place
    if not place.exists():
        raise Mistake(f"{path}: there is no such file or folder")
    for name in ("best.ckpt", "last.ckpt"):
        for folder in (place / "checkpoints", place):
            if (folder / name).is_file():
                return folder / name
    raise Mistake(f"{path}: this folder holds no checkpoints/best.ckpt or checkpoints/last.ckpt; name a run's folder")


def read(path: str | Path) -> dict[str, Any]:
    """The contents of a checkpoint of ours, opened without running anything that is in it.

    Raises:
        Mistake: if the file is no checkpoint, is damaged, or is of a later format.
    """
    file = find(path)
    try:
        content: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except (
        UnpicklingError,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        zipfile.BadZipFile,
        OSError,
    ) as error:
        raise Mistake(f"{file}: not a checkpoint, or damaged ({type(error).__name__})") from error
    passport = content.get("atelier") if isinstance(content, dict) else None
    if not isinstance(passport, dict) or "state_dict" not in content:
        raise Mistake(f"{file}: a file of tensors, but not a checkpoint of atelier")
    if passport.get("format") != FORMAT:
        raise Mistake(f"{file}: format {passport.get('format')}; this version of atelier reads format {FORMAT}")
    return content


def load(path: str | Path) -> Loaded:
    """The model of a checkpoint or run folder, in evaluation mode on the CPU.

    Raises:
        Mistake: if there is no checkpoint, or its configuration names what may not be built.
    """
    content = read(path)
    register_resolvers()
    cfg = OmegaConf.create(content["atelier"]["config"])
    mistakes = unfit(cfg.model)
    if mistakes:
        raise Mistake(f"{find(path)}: " + "; ".join(mistakes))
    model = build(cfg.model)
    assert isinstance(model, LightningModule)
    pour(content["state_dict"], model, find(path))
    return Loaded(model.eval(), cfg, find(path))


def pour(state: dict[str, torch.Tensor], model: nn.Module, source: str | Path) -> None:
    """Load ``state`` into ``model``.

    Raises:
        Mistake: if the networks differ, naming where.
    """
    mine = model.state_dict()
    differing = [name for name in mine.keys() & state.keys() if mine[name].shape != state[name].shape]
    if differing or mine.keys() != state.keys():
        shapes = [f"{n}: {list(state[n].shape)} there, {list(mine[n].shape)} here" for n in sorted(differing)[:3]]
        names = sorted(mine.keys() ^ state.keys())[:3]
        raise Mistake(f"{source}: other networks than these ({'; '.join(shapes + names)} ...)")
    model.load_state_dict(state)
