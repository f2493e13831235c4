"""A model's networks in a form that others can open."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import nn

from atelier.callback.atomic import replacing
from atelier.checkpoint import load, read
from atelier.network.reference import to_reference
from atelier.task.listen import heard
from atelier.task.start import PUBLIC
from atelier.types import Mistake

log = logging.getLogger(__name__)


def preflight(cfg: DictConfig) -> list[str]:
    """The checkpoint, and whether its networks have that form."""
    mistakes = heard([lambda: read(cfg.ckpt)], prefix="ckpt=")
    if cfg.format != "reference":
        mistakes.append(f"format={cfg.format}: there is reference, the public CycleGAN implementation's files")
    return mistakes or heard([lambda: public(load(cfg.ckpt).model)], prefix=f"ckpt={cfg.ckpt}: ")


def run(cfg: DictConfig) -> None:
    """Write the files into the run's folder."""
    for file in write_public(load(cfg.ckpt).model, Path(cfg.run_dir)):
        log.info("%s", file)


def write_public(model: nn.Module, folder: Path) -> list[Path]:
    """Write ``model``'s networks as the public CycleGAN implementation saves them: latest_net_G_A.pth and so on.

    Generators are the averaged ones where the model keeps an average.

    Raises:
        Mistake: if the model is no CycleGAN, or that implementation has no such networks; nothing is written then.
    """
    files = []
    for theirs, state in public(model).items():
        files.append(folder / f"latest_{theirs}.pth")
        with replacing(files[-1]) as stream:
            torch.save(state, stream)
    return files


def public(model: nn.Module) -> dict[str, dict[str, torch.Tensor]]:
    """The weights of each network under the public implementation's names.

    Raises:
        Mistake: as :func:`write_public`.
    """
    return {theirs: to_reference(_used(model, ours)) for theirs, ours in PUBLIC.items()}


def _used(model: nn.Module, name: str) -> nn.Module:
    averaged = f"average.{name}.network"
    known = {path for path, _ in model.named_modules()}
    if averaged in known:
        return model.get_submodule(averaged)
    if name not in known:
        raise Mistake(f"a {type(model).__name__} has no {name}: the public implementation's files are a CycleGAN's")
    return model.get_submodule(name)
