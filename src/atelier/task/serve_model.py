"""One checkpoint that is served: what its model can do, and the pictures that it was trained on."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from atelier.checkpoint import Loaded, fingerprint, load
from atelier.data.batches import Draw
from atelier.data.pairs import DomainBatches
from atelier.direction import DIRECTIONS
from atelier.pixels import to_bytes
from atelier.run_folder import RunFolder
from atelier.task.canvas import to_picture, to_tensor
from atelier.task.inputs import checkpoint_data
from atelier.task.tiles import Tiling, translate_image
from atelier.task.translator import Generator, open_generator
from atelier.task.uploads import centre_square
from atelier.types import Direction, Domain, Mistake, Reconstructor, Sampler, Translator

log = logging.getLogger(__name__)

_TILING = Tiling(1024, 256)


@dataclass
class ServedModel:
    """A model that is served, on its device.

    name: for people. loaded: its file and configuration. root: see :func:`checkpoint_data`.
    sampler, reconstructor: the model, where it can do that.
    ways: its generators by direction, where it translates.
    classes: the numbers of those it knows. truncates: whether its latents have tails to leave out.
    """

    name: str
    loaded: Loaded
    root: str | None
    sampler: Any = None
    reconstructor: Any = None
    ways: Mapping[Direction, Generator] = field(default_factory=dict)
    classes: tuple[int, ...] = ()
    truncates: bool = False
    _data: Any = None

    @property
    def side(self) -> int:
        """Side in pixels of the square images that the model was trained on."""
        return int(self.loaded.cfg.data.image_size)

    @property
    def channels(self) -> int:
        """Channels of the images that the model was trained on."""
        return int(self.loaded.cfg.data.channels)

    @property
    def folder(self) -> Path:
        """The run's folder, or the folder of a checkpoint that lies by itself."""
        return RunFolder.of(self.loaded.file).path

    def fingerprint(self) -> str:
        """16 hexadecimal digits that stand for the checkpoint's content."""
        return fingerprint(self.loaded.file)

    @torch.no_grad()
    def sample(
        self, count: int, *, seed: int, start: int = 0, label: int | None = None, truncation: float | None = None
    ) -> Tensor:
        """Fakes, uint8 ``[count, C, H, W]``; what the model does not know (classes, tails) is passed over."""
        wishes: dict[str, Any] = {}
        if label in self.classes:
            wishes["labels"] = torch.full((count,), label, device=self.sampler.device)
        if truncation is not None and self.truncates:
            wishes["truncation"] = truncation
        return to_bytes(self.sampler.sample(count, seed=seed, start=start, **wishes)).cpu()

    def translate(self, image: Tensor, direction: Direction) -> Tensor:
        """The translation, uint8 ``[C', H, W]``, of ``image``, uint8 ``[1 or 3, H, W]`` of any size."""
        way = self.ways[direction]
        if len(image) != way.channels:
            image = to_tensor(to_picture(image).convert("L" if way.channels == 1 else "RGB"))
        return translate_image(way.network, image, way.sides, _TILING)

    def held_out(self, domain: Domain | None) -> int:
        """How many pictures of the test split there are (of ``domain``, where there are two)."""
        return len(self._collection(domain))

    def reals(self, places: Sequence[int], domain: Domain | None) -> list[Tensor]:
        """Pictures of the test split, uint8 ``[C, S, S]``, at these places, in the same order."""
        collection = self._collection(domain)
        images = [collection[Draw(0, 0.0, np.array([place]))].images[0] for place in places]
        if any(image.dtype != torch.uint8 for image in images):
            raise Mistake("The data of this model are no pictures.")
        return [image if image.shape[1:] == (self.side,) * 2 else self._squared(image) for image in images]

    def _squared(self, image: Tensor) -> Tensor:
        return to_tensor(centre_square(to_picture(image), self.side))

    def _collection(self, domain: Domain | None) -> Any:
        if self._data is None:
            try:
                self._data = checkpoint_data(OmegaConf.create({"root": self.root}), self.loaded)
            except Mistake as mistake:
                log.warning("%s: %s", self.name, mistake)  # names folders, which are nobody's business but the user's
                raise Mistake("The data of this model are not on this machine; the terminal says more.") from mistake
        return self._data.split("test") if domain is None else DomainBatches(self._data.side("test", domain))


def open_models(paths: Sequence[Any], *, device: torch.device, root: str | None) -> list[ServedModel]:
    """The models of ``paths``.

    Raises:
        Mistake: if one cannot be opened, or has nothing to show.
    """
    shown = [_open(path, device, root) for path in paths]
    if len(shown) > 1:
        for number, served in enumerate(shown, start=1):
            served.name = f"{number} · {served.name}"
    return shown


def _open(path: Any, device: torch.device, root: str | None) -> ServedModel:
    loaded = load(path)
    model: Any = loaded.model
    served = ServedModel(_name(loaded.cfg), loaded, root)
    if isinstance(model, Translator):
        served.ways = {way: _generator(path, way, device) for way in DIRECTIONS}
    if isinstance(model, Reconstructor | Sampler):
        loaded.model.to(device)  # of a translator only the generators are wanted there
    if isinstance(model, Reconstructor):
        served.reconstructor = model
    if isinstance(model, Sampler):
        if model.sample(1, seed=0).shape[1] not in (1, 3):
            raise Mistake(f"ckpt={path}: this model makes points, and the page shows pictures")
        served.sampler, served.classes = model, getattr(model, "classes", None) or ()
        served.truncates = _truncates(model)
    if not (served.ways or served.reconstructor or served.sampler):
        raise Mistake(f"ckpt={path}: this model makes no pictures")
    return served


def _generator(path: Any, way: Direction, device: torch.device) -> Generator:
    generator = open_generator(OmegaConf.create({"ckpt": str(path), "weights": None, "direction": way}))
    return generator._replace(network=generator.network.to(device))


def _truncates(model: Any) -> bool:
    if "truncation" not in inspect.signature(model.sample).parameters:
        return False
    try:
        model.sample(1, seed=0, truncation=1.0)
    except Mistake:
        return False
    return True


def _name(cfg: DictConfig) -> str:
    return f"{cfg.get('model_name', 'model')} on {cfg.get('data_name', 'data')}"
