"""Images to images: what is left of them when they have passed the code."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import torch
from omegaconf import DictConfig
from torch import Tensor

from atelier.callback.picture import Pairs
from atelier.callback.pictures import save
from atelier.checkpoint import load, read
from atelier.metric.distortion import Distortion
from atelier.pixels import to_bytes
from atelier.task.canvas import write_png
from atelier.task.collect_mistakes import below, heard
from atelier.task.device import best_device
from atelier.task.inputs import in_batches, inputs, wrong_source
from atelier.types import Mistake, Reconstructor

log = logging.getLogger(__name__)

_COLUMNS, _ROWS, _SIDE = 5, 12, 960


def preflight(cfg: DictConfig) -> list[str]:
    """Numbers, the checkpoint, whether its model makes images of images, and the images."""
    return wrong_values(cfg) or heard([lambda: _try(cfg)])


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    return below(cfg, {"batch_size": 1}) + wrong_source(cfg) + heard([lambda: read(cfg.ckpt)], prefix="ckpt=")


def _try(cfg: DictConfig) -> None:
    loaded = load(cfg.ckpt)
    if not isinstance(loaded.model, Reconstructor):
        raise Mistake(f"ckpt={cfg.ckpt}: this model makes nothing of images; train one with model=autoencoder")
    inputs(cfg, loaded)


@torch.no_grad()
def run(cfg: DictConfig) -> float:
    """Write every reconstruction as a PNG under its image's name, and pairs.png; returns the squared error."""
    loaded = load(cfg.ckpt)
    device = best_device()
    model, given = loaded.model.to(device), inputs(cfg, loaded)
    assert isinstance(model, Reconstructor)
    folder, distortion, first = Path(cfg.run_dir), Distortion(), 0
    files = _files(given.names)
    shown: list[tuple[Tensor, Tensor]] = []
    for batch in in_batches(given, cfg.batch_size, device):
        images, made = batch.images, model.reconstruct(batch.images)
        distortion.update(images.cpu(), made.cpu())
        if first < _COLUMNS * _ROWS:
            shown.append((images.cpu(), made.cpu()))
        _write(made.cpu(), folder / "images", files[first : first + len(made)])
        first += len(made)
    real, fake = (torch.cat(side)[: _COLUMNS * _ROWS] for side in zip(*shown, strict=True))
    save(Pairs(_ROWS, min(_COLUMNS, len(real)), _SIDE).draw(fake, real), folder / "pairs.png")
    figures = distortion.compute()
    told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
    log.info("%d reconstructions (%s): %s", first, told, folder)
    return figures["mse"]


def _files(names: Sequence[str]) -> list[PurePosixPath]:
    """Each image's name as a PNG's; where two differ in their endings alone, all keep theirs: a.jpg.png."""
    files = [PurePosixPath(name).with_suffix(".png") for name in names]
    return files if len(set(files)) == len(files) else [PurePosixPath(f"{name}.png") for name in names]


def _write(images: Tensor, folder: Path, files: Sequence[PurePosixPath]) -> None:
    for place, image in zip(files, to_bytes(images), strict=True):
        write_png(image, folder / place)
