"""Samples from latents that stay the same, so that one can watch them become images."""

from __future__ import annotations

import re
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from atelier.callback.picture import Drawn, Picture
from atelier.callback.pictures import keep, show
from atelier.callback.recorder import clock_of
from atelier.callback.trainer_parts import run_of
from atelier.types import Judged, Mistake, Sampler

_SAMPLES = "Samples from latents that stay the same."
_WALK = "From one latent to another in equal steps: images in between should be images too."


class Gallery(Callback):
    """Draws samples before training and at every validation, and walks through latent space at the end.

    Pictures lie in the run's folder: samples/epoch_0001.png after the first epoch (epoch_0001_50.png half an
    epoch later), samples/interpolation.png.

    picture: how to draw.
    seed: names the latents.
    walks, steps: number of walks of the interpolation, and images in each.
    """

    def __init__(self, picture: Picture, seed: int, walks: int, steps: int) -> None:
        if walks < 1:
            raise Mistake(f"callback.gallery.walks={walks}: at least 1 walk is drawn")
        if steps < 2:
            raise Mistake(f"callback.gallery.steps={steps}: a walk has two ends, so at least 2 images")
        self.picture, self.seed, self.walks, self.steps = picture, seed, walks, steps
        self._real: list[Tensor] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """What the model makes of the latents when it has learned nothing."""
        if clock_of(trainer).step == 0:
            self._draw(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the last pass's reals."""
        self._real = []

    @override
    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep as many reals as the picture wants."""
        kept = sum(len(real) for real in self._real)
        if kept < self.picture.reals and isinstance(outputs, Judged):
            self._real.append(outputs.real[: self.picture.reals - kept].cpu())

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw."""
        if not trainer.sanity_checking:
            self._draw(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Walk."""
        if not trainer.is_global_zero or not isinstance(pl_module, Sampler):
            return
        with torch.no_grad():
            images = pl_module.interpolate(self.walks, self.steps, seed=self.seed)
        _keep(trainer, "interpolation", "interpolation", self.picture.walk(images, self.walks), _WALK)

    def _draw(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero or not isinstance(pl_module, Sampler):
            return
        with torch.no_grad():
            fake = pl_module.sample(self.picture.count, seed=self.seed)
        real = torch.cat(self._real) if self._real else None
        drawn = self.picture.draw(fake, real)
        note = _SAMPLES if real is None else f"{_SAMPLES} Beside them real ones."
        _keep(trainer, file_name(clock_of(trainer).epoch), "samples", drawn, note)


def _keep(trainer: Trainer, name: str, subject: str, drawn: Drawn, note: str) -> None:
    keep(drawn, run_of(trainer).samples / f"{name}.png")
    show(trainer, subject, drawn, note)


def file_name(epoch: float) -> str:
    """Sorts as time goes on: "_" comes after "."."""
    whole, hundredths = divmod(round(epoch * 100), 100)
    return f"epoch_{whole:04d}" + (f"_{hundredths:02d}" if hundredths else "")


def epoch_in(name: str) -> float | None:
    """The epoch that a picture's file name tells, or None for other pictures."""
    found = re.fullmatch(r"epoch_(\d+)(?:_(\d\d))?", name)
    return None if found is None else int(found[1]) + int(found[2] or 0) / 100
