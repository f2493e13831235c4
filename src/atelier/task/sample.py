"""Pictures from a checkpoint: numbered files and one grid, or walks between latents."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor

from atelier.callback.picture import Grid, Picture
from atelier.callback.pictures import save
from atelier.checkpoint import load, read
from atelier.config.build import build
from atelier.pixels import to_bytes
from atelier.task.canvas import write_png
from atelier.task.collect_mistakes import below, heard
from atelier.task.device import best_device
from atelier.types import Mistake, Reconstructor, Sampler

log = logging.getLogger(__name__)

_SAMPLES, _STEPS = 64, 10


def preflight(cfg: DictConfig) -> list[str]:
    """Numbers, the checkpoint, and whether its model can do what is asked."""
    return wrong_values(cfg) or heard([lambda: _try(cfg)])


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    numbers = {"samples": 1, "label": 0, "rows": 1, "steps": 2}
    mistakes = below(cfg, {"batch_size": 1, "seed": 0}, optional=numbers)
    if not isinstance(cfg.truncation, int | float | None) or isinstance(cfg.truncation, bool):
        mistakes.append(f"truncation={cfg.truncation}: a number of standard deviations, or null")
    if cfg.rows is None and cfg.steps is not None:
        mistakes.append(f"steps={cfg.steps}: of walks between latents, as many as rows= says; samples have none")
    if cfg.rows is not None:
        mistakes += [
            f"{name}={cfg[name]}: rows={cfg.rows} draws walks through all classes and latents; leave {name} out"
            for name in ("samples", "label", "truncation")
            if cfg[name] is not None
        ]
    return mistakes + heard([lambda: read(cfg.ckpt)], prefix="ckpt=")


def _try(cfg: DictConfig) -> None:
    """One image as asked for, so that what the model cannot do is known before a folder is made."""
    model: Any = load(cfg.ckpt).model
    if not isinstance(model, Sampler):
        raise Mistake(f"ckpt={cfg.ckpt}: {_instead(cfg.ckpt, model)}")
    classes: Any = getattr(model, "classes", None)
    if cfg.label is not None and classes is None:
        raise Mistake(f"label={cfg.label}: this model knows no classes; train one with condition=label")
    if cfg.label is not None and cfg.label not in classes:
        raise Mistake(f"label={cfg.label}: the classes are {', '.join(map(str, classes))}")
    model.sample(1, **_wishes(cfg, model, 1))


def _instead(ckpt: str, model: object) -> str:
    if not isinstance(model, Reconstructor):
        return "this model makes no samples"
    return (
        "an autoencoder makes images of images, and none of nothing: src/reconstruct.py and src/encode.py with "
        f"ckpt={ckpt} write reconstructions and codes, and samples/interpolation.png in its run's folder walks "
        "between images"
    )


def run(cfg: DictConfig) -> None:
    """Write ``<index>.png`` and grid.png, or walks.png, into the run's folder."""
    loaded = load(cfg.ckpt)
    device = best_device()
    model: Any = loaded.model.to(device)
    folder = Path(cfg.run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    picture: Picture = build(loaded.cfg.picture)
    if cfg.rows is not None:
        steps = cfg.steps or _STEPS
        walk = model.interpolate(cfg.rows, steps, seed=cfg.seed)
        save(picture.walk(walk, cfg.rows), folder / "walks.png")
        log.info("%d walks of %d steps: %s", cfg.rows, steps, folder / "walks.png")
        return
    samples = cfg.samples or _SAMPLES
    shown = min(samples, 1024)  # of more, a grid can no longer be looked at
    images = []
    for start in range(0, samples, cfg.batch_size):
        count = min(cfg.batch_size, samples - start)
        batch: Tensor = model.sample(count, start=start, **_wishes(cfg, model, count)).cpu()
        images.append(batch[: max(0, shown - start)])
        if isinstance(picture, Grid):
            _write(batch, folder, start, len(str(samples - 1)))
    everything = torch.cat(images)
    columns = math.ceil(math.sqrt(len(everything)))
    grid = Grid(columns, columns, picture.side) if isinstance(picture, Grid) else picture
    save(grid.draw(everything, None), folder / "grid.png")
    log.info("%d images: %s", samples, folder)


def _wishes(cfg: DictConfig, model: Any, count: int) -> dict[str, Any]:
    wishes: dict[str, Any] = {"seed": cfg.seed}
    if cfg.label is not None:
        wishes["labels"] = torch.full((count,), cfg.label, device=model.device)
    if cfg.truncation is not None:
        wishes["truncation"] = cfg.truncation
    return wishes


def _write(images: Tensor, folder: Path, start: int, digits: int) -> None:
    for number, image in enumerate(to_bytes(images), start=start):
        write_png(image, folder / f"{number:0{digits}d}.png")
