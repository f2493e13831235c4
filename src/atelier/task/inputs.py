"""What a trained model is given: a split of its own data, or pictures of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig
from torch import Tensor

from atelier.checkpoint import Loaded
from atelier.config.build import build
from atelier.data.inputs import read_inputs
from atelier.pixels import to_unit
from atelier.types import Mistake


class Inputs(NamedTuple):
    """Pixels ``[N, C, H, W]``, uint8 or floats in [-1, 1], labels ``[N]`` or None, and N names."""

    pixels: Tensor
    labels: Tensor | None
    names: list[str]


def checkpoint_data(cfg: DictConfig, loaded: Loaded) -> Any:
    """The data module of a checkpoint, from the folder ``root`` where the user names one.

    Raises:
        Mistake: if the data is embedded and has no folder, or is not there.
    """
    node = loaded.cfg.data.copy()
    if cfg.root is not None:
        if "root" not in node.source:
            raise Mistake(f"root={cfg.root}: this checkpoint's data is embedded and has no folder")
        node.root = node.source.root = cfg.root
    data = build(node)
    data.prepare_data()
    return data


def inputs(cfg: DictConfig, loaded: Loaded) -> Inputs:
    """The pictures that ``input`` names, else the split of the checkpoint's data.

    Raises:
        Mistake: if they are not there, or cannot be read.
    """
    if cfg.input is not None:
        given = read_inputs(str(cfg.input), loaded.cfg.data.image_size, loaded.cfg.data.channels)
        return Inputs(given.pixels, None, list(given.names or []))
    if cfg.split not in ("train", "test"):
        raise Mistake(f"split={cfg.split}: the splits are train and test")
    batches = checkpoint_data(cfg, loaded).split(cfg.split)
    images, rows = batches.images, batches.chosen
    labels = None if images.labels is None else images.labels[rows]
    digits = len(str(len(rows) - 1))
    names = [f"{row:0{digits}d}" for row in range(len(rows))]
    if images.names is not None:
        names = [images.names[row] for row in rows.tolist()]
    return Inputs(images.pixels[rows], labels, names)


def in_batches(given: Inputs, size: int, device: torch.device) -> Iterator[Tensor]:
    """The images in order, floats in [-1, 1] on ``device``."""
    for pixels in torch.split(given.pixels, size):
        yield (to_unit(pixels) if pixels.dtype == torch.uint8 else pixels).to(device)
