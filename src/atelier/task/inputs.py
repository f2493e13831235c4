"""What a trained model is given: a split of its own data, or pictures of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig

from atelier.checkpoint import Loaded
from atelier.config.build import build
from atelier.data.batches import Batches, BatchSet, OrderedBatches
from atelier.data.chosen import Everything, rows
from atelier.data.inputs import read_inputs
from atelier.pixels import as_unit
from atelier.types import ImageBatch, Mistake


class Inputs(NamedTuple):
    """N images, read as they are asked for, and N names."""

    images: BatchSet
    names: list[str]


def checkpoint_data(cfg: DictConfig, loaded: Loaded) -> Any:
    """The data module of a checkpoint, from the folder ``root`` where the user names one.

    Raises:
        Mistake: if the data has no folder, or is not there.
    """
    node = loaded.cfg.data.copy()
    if cfg.root is not None:
        _move(node, cfg.root)
    data = build(node)
    data.prepare_data()
    return data


def _move(node: DictConfig, root: str) -> None:
    """Have the data lie in the folder ``root``."""
    if "urls" in node:
        raise Mistake(
            f"root={root}: this checkpoint's data are shards, found by the names that they had in training "
            f"(data.urls={node.urls}, data.eval_urls={node.eval_urls}); put them there again, or links to them"
        )
    source = node.source.get("folder", node.source)  # what was downloaded is read as a folder
    if "root" not in source:
        raise Mistake(f"root={root}: this checkpoint's data is embedded and has no folder")
    node.root = source.root = root


def wrong_source(cfg: DictConfig) -> list[str]:
    """What is wrong with ``input``, ``split`` and ``root``, which say where images come from."""
    if cfg.input is None:
        known = cfg.split in (None, "train", "test")
        return [] if known else [f"split={cfg.split}: the splits are train and test"]
    return [
        f"{name}={cfg[name]}: of the checkpoint's own data, and input={cfg.input} names other images; leave one out"
        for name in ("split", "root")
        if cfg[name] is not None
    ]


def inputs(cfg: DictConfig, loaded: Loaded) -> Inputs:
    """The pictures that ``input`` names, else the split of the checkpoint's data (test, where none is named).

    Raises:
        Mistake: if they are not there, or cannot be read.
    """
    if cfg.input is not None:
        given = read_inputs(str(cfg.input), loaded.cfg.data.image_size, loaded.cfg.data.channels)
        return Inputs(Batches(given, Everything(len(given.pixels))), list(given.names or []))
    images: BatchSet = checkpoint_data(cfg, loaded).split(cfg.split or "test")
    return Inputs(images, _names(images))


def _names(images: BatchSet) -> list[str]:
    """The images' own names, else their numbers; those in shards are strangers' words, and may be alike."""
    if isinstance(images, Batches) and images.images.names is not None:
        return [images.images.names[row] for row in rows(images.chosen).tolist()]
    digits = len(str(len(images) - 1))
    return [f"{row:0{digits}d}" for row in range(len(images))]


def in_batches(given: Inputs, size: int, device: torch.device) -> Iterator[ImageBatch]:
    """All of them in order, ``size`` at a time at most: images are floats in [-1, 1] on ``device``, labels stay."""
    for draw in OrderedBatches(len(given.images), size):
        batch = given.images[draw]
        images = as_unit(batch.images)
        yield batch._replace(images=images.to(device))
