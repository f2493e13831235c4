"""The same held-out images of both domains, translated at every validation."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from atelier.callback.gallery import file_name
from atelier.callback.pictures import Caption, keep, show
from atelier.callback.recorder import clock_of
from atelier.callback.strips import Strip, Strips
from atelier.callback.trainer_parts import data_of, run_of
from atelier.direction import WAYS, round_trip
from atelier.pixels import to_unit
from atelier.types import Direction, Domains, Mistake, Reals, Translator


class TranslationGallery(Callback):
    """Draws the first images of each domain before training and at every validation: samples/epoch_0001.png and so on.

    From left to right: image, translation, translated back, identity (where both domains have as many channels) and,
    where the data knows it, the truth; once for each direction.

    picture: how to draw, and how many images of each domain.
    """

    def __init__(self, picture: Strips) -> None:
        if not isinstance(picture, Strips):  # what the configuration names may be any picture
            raise Mistake("picture: translations stand in strips beside their sources, by picture=strips")
        self.picture = picture
        self._real: dict[Direction, list[Tensor]] = {}
        self._truth: dict[Direction, list[Tensor]] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """What the model makes of the images when it has learned nothing."""
        if clock_of(trainer).step == 0:
            self._draw(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw."""
        if not trainer.sanity_checking:
            self._draw(trainer, pl_module)

    def _draw(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero or not isinstance(pl_module, Translator):
            return
        if not self._real:
            self._choose(data_of(trainer))
        sheets = [list(self._strips(pl_module, way, pl_module.device)) for way in WAYS]
        drawn, clock = self.picture.draw(sheets), clock_of(trainer)
        path = run_of(trainer).samples / f"{file_name(clock.epoch)}.png"
        identity = len({images[0].shape[0] for images in self._real.values()}) == 1
        words = caption(identity=identity, truth=any(self._truth.values()))
        keep(drawn, path, words)
        show(trainer, "translations", drawn, words.note)

    def _choose(self, data: Domains) -> None:
        for way, (source, _) in WAYS.items():
            self._real[way] = first_images(data.domain(source), data.eval_split, self.picture.rows)
            truth = data.truth(data.eval_split, source)
            self._truth[way] = [] if truth is None else list(to_unit(truth[: self.picture.rows]))

    @torch.no_grad()
    def _strips(self, model: Translator, way: Direction, device: torch.device) -> Iterator[Strip]:
        for place, image in enumerate(self._real[way]):
            seen = round_trip(model, image[None].to(device), torch.tensor([place]), way)
            strip = [seen.real, seen.fake, seen.cycle, *([] if seen.identity is None else [seen.identity])]
            yield [images[0] for images in strip] + self._truth[way][place : place + 1]


def first_images(reals: Reals, split: str, count: int) -> list[Tensor]:
    """The first ``count`` images of ``split``, each ``[C, H, W]`` in [-1, 1]; all, if there are fewer."""
    images: list[Tensor] = []
    for batch in reals.reals(split, batch_size=count):
        images += list(to_unit(batch.images[: count - len(images)]))
        if len(images) >= count:
            break
    return images


def caption(*, identity: bool, truth: bool) -> Caption:
    """What stands in which column."""
    columns = ["image", "its translation", "the translation translated back"]
    columns += ["the image as its own domain's generator sees it, which should leave it alone"] if identity else []
    columns += ["the true translation"] if truth else []
    return Caption(
        "Translations through time",
        f"Held-out images; on the left from domain a to b, on the right from b to a. Columns of each: "
        f"{', '.join(columns)}.",
    )
