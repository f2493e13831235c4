"""What an autoencoder makes of held-out images, drawn at every validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from atelier.callback import code_pictures
from atelier.callback.appraisal import Appraisal
from atelier.callback.gallery import file_name
from atelier.callback.picture import Drawn, Picture
from atelier.callback.pictures import Caption, keep, show
from atelier.callback.recorder import clock_of, companion
from atelier.callback.trainer_parts import run_of
from atelier.types import Filtered, Judged, Mistake, Reconstructor

_STRIPS = Caption("Reconstructions through time", "Held-out images, each with its reconstruction to the right of it.")
_WALK = Caption(
    "Interpolation",
    "From one held-out image to another on a straight line through the code: images in between should be images too.",
)
_FILTERS = {
    "encoder": Caption("Encoder's filters", "What the units next to the pixels look for; grey is a weight of 0."),
    "decoder": Caption("Decoder's filters", "What the units next to the pixels draw; grey is a weight of 0."),
}
_ACTIVATIONS = Caption("Mean activations", "Every unit's mean activation over held-out images.")
_ATLAS = Caption("Map of codes", "Held-out images by their codes; colours are labels, which training never saw.")


class Cabinet(Callback):
    """Draws reconstructions, filters, activations and a map of codes; at the end, walks between images.

    Pictures lie in the run's folder: samples/epoch_0001.png and so on for the reconstructions, of which all are
    kept; of filters_encoder, filters_decoder, activations, codes and interpolation the last.

    picture: how to draw pairs and walks.
    rho: the wanted mean activation, or None.
    walks, steps: number of walks of the interpolation, and images in each.
    """

    def __init__(self, picture: Picture, rho: float | None, walks: int, steps: int) -> None:
        if walks < 1:
            raise Mistake(f"callback.cabinet.walks={walks}: at least 1 walk is drawn")
        if steps < 2:
            raise Mistake(f"callback.cabinet.steps={steps}: a walk has two ends, so at least 2 images")
        self.picture, self.rho, self.walks, self.steps = picture, rho, walks, steps
        self._real: list[Tensor] = []
        self._fake: list[Tensor] = []

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the last pass's images."""
        self._real, self._fake = [], []

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
        """Keep as many pairs as the picture wants, and both ends of the walks."""
        missing = max(self.picture.count, 2 * self.walks) - sum(len(real) for real in self._real)
        if missing > 0 and isinstance(outputs, Judged):
            self._real.append(outputs.real[:missing].cpu())
            self._fake.append(outputs.fake[:missing].cpu())

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw."""
        if trainer.sanity_checking or not trainer.is_global_zero or not self._real:
            return
        count = self.picture.count
        strips = self.picture.draw(torch.cat(self._fake)[:count], torch.cat(self._real)[:count])
        _keep(trainer, file_name(clock_of(trainer).epoch), "reconstructions", strips, _STRIPS)
        for name, drawn, caption in self._studies(trainer, pl_module):
            _keep(trainer, name, name, drawn, caption)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Walk."""
        real = torch.cat(self._real) if self._real else torch.zeros(0)
        rows = min(self.walks, len(real) // 2)
        if not trainer.is_global_zero or not isinstance(pl_module, Reconstructor) or not rows:
            return
        ends = real[: 2 * rows].to(pl_module.device)
        walk = self.picture.walk(pl_module.between(ends[0::2], ends[1::2], self.steps), rows)
        _keep(trainer, "interpolation", "interpolation", walk, _WALK)

    def _studies(self, trainer: Trainer, pl_module: LightningModule) -> Iterator[tuple[str, Drawn, Caption]]:
        if isinstance(pl_module, Filtered):
            for name, weights in pl_module.filters().items():
                yield f"filters_{name}", code_pictures.filters(weights, side=640), _FILTERS[name]
        appraisal = companion(trainer, Appraisal)
        if appraisal is not None and appraisal.coded is not None:
            yield "activations", code_pictures.histogram(appraisal.coded.codes, self.rho), _ACTIVATIONS
            yield "codes", code_pictures.atlas(appraisal.coded), _ATLAS


def _keep(trainer: Trainer, name: str, subject: str, drawn: Drawn, caption: Caption) -> None:
    keep(drawn, run_of(trainer).samples / f"{name}.png", caption)
    show(trainer, subject, drawn, caption.note)
