"""A folder of JPEG files into batches: PIL and torchvision's transforms per image against atelier.

Two domains, files of 256 x 256 px resized to 286 px (bicubic), cropped to 256 px, flipped, scaled to [-1, 1]: the
public CycleGAN implementation's preparation. An epoch reads every file of both domains.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from atelier.config.build import build
from atelier.task.freed_memory import keep_freed_memory
from suite.alone import companion
from suite.ours import configured
from suite.row import Row, compared
from suite.turns import in_turns

SIDE, LOADED = 256, 286


class PerImage(Dataset[tuple[Tensor, Tensor]]):
    """The usual data set: a file is opened, decoded, resized, cropped and flipped whenever it is asked for."""

    def __init__(self, root: Path) -> None:
        self.a, self.b = (sorted((root / f"train{domain}").iterdir()) for domain in "AB")
        self.transform = transforms.Compose(
            [
                transforms.Resize((LOADED, LOADED), transforms.InterpolationMode.BICUBIC),
                transforms.RandomCrop(SIDE),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.5,) * 3),
            ]
        )

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        other = int(torch.randint(len(self.b), ()))
        a, b = (Image.open(file).convert("RGB") for file in (self.a[place % len(self.a)], self.b[other]))
        return self.transform(a), self.transform(b)


def photographs(root: Path, count: int) -> None:
    """Crops of scikit-learn's two photographs as two domains of ``count`` JPEG files."""
    chance = np.random.default_rng(0)
    for split, domain, photo in ((s, d, p) for s in ("train", "test") for d, p in zip("AB", _photos(), strict=True)):
        folder = root / f"{split}{domain}"
        folder.mkdir(parents=True)
        height, width = photo.shape[:2]
        for number in range(count if split == "train" else 2):
            top, left = (int(chance.integers(0, n - SIDE)) for n in (height, width))
            crop = Image.fromarray(photo[top : top + SIDE, left : left + SIDE])
            crop.save(folder / f"{number:05d}.jpg", quality=90)


def _photos() -> list[np.ndarray]:
    return list(load_sample_images().images)


class Epochs:
    """Atelier's epochs of a folder, one after another.

    data: the configuration of the data; cache: where decoded images go.
    """

    def __init__(self, data: DictConfig, cache: Path) -> None:
        os.environ["ATELIER_CACHE"] = str(cache)
        self.data = build(data)
        self.number = 0

    def open(self) -> None:
        """Decode what is not decoded yet, and get ready."""
        self.data.prepare_data()
        self.data.setup("fit")
        self.loader = self.data.train_dataloader()

    def __call__(self) -> None:
        """Go once through all images."""
        self.loader.sampler.set_epoch(self.number)
        for batch in self.loader:
            self.data.on_after_batch_transfer(batch, 0)
        self.number += 1


def _configured(root: Path, batch_size: int) -> DictConfig:
    words = ["model=cyclegan", "data=unpaired_folder", f"data.root={root}", f"data.batch_size={batch_size}"]
    found: DictConfig = configured(words).data
    return found


def rows(images: int, first_rounds: int, rounds: int, batches: tuple[int, ...]) -> list[Row]:
    """First and later epochs of ``images`` files of each domain, in milliseconds an image."""
    keep_freed_memory()  # as a run does
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "data"
        photographs(root, images)
        found = [_first_epochs(root, images, first_rounds)]
        for batch_size in batches:
            found += _later_epochs(root, images, rounds, batch_size)
    return found


def _row(said: str, against: str, images: int, seconds: dict[str, list[float]], asked: float) -> Row:
    ours, theirs = ([each / (2 * images) for each in seconds[name]] for name in ("atelier", "plain"))
    note = "milliseconds an image, no worker processes"
    return compared(said, against, "speed", ours, theirs, asked=asked, note=note)


def _first_epochs(root: Path, images: int, rounds: int) -> Row:
    """Each time with an empty cache."""
    data = _configured(root, 1)
    with tempfile.TemporaryDirectory() as place, _plain(root, 1) as plain:
        caches = (Path(place) / str(number) for number in itertools.count())

        def first() -> None:
            epochs = Epochs(data, next(caches))
            epochs.open()
            epochs()

        def sweep() -> None:
            """What was cached would fill the memory, round by round: a virtual machine has to get it from its host."""
            for cache in Path(place).iterdir():
                shutil.rmtree(cache)

        seconds = in_turns({"atelier": first, "sweep": sweep, "plain": plain}, rounds)
    return _row("JPEG folder, 256 px, first epoch, batch 1", "PIL + torchvision", images, seconds, 3.5)


def _later_epochs(root: Path, images: int, rounds: int, batch_size: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as cache, _plain(root, batch_size) as plain:
        epochs = Epochs(_configured(root, batch_size), Path(cache))
        epochs.open()
        _refuse_other_pictures(epochs, root)
        seconds = in_turns({"atelier": epochs, "plain": plain}, rounds)
        said = f"JPEG folder, 256 px, later epochs, batch {batch_size}"
        return [_row(said, "PIL + torchvision", images, seconds, 9.0)]


def _plain(root: Path, batch_size: int) -> AbstractContextManager[Callable[[], object]]:
    """The usual epochs, in a process of their own: atelier's keeps freed memory, as a run does."""
    return companion("suite.loading.usual_epochs", root, batch_size)


def usual_epochs(root: Path, batch_size: int) -> Callable[[], None]:
    """Goes once through the usual data set, batch by batch."""
    loader = DataLoader(PerImage(root), batch_size=batch_size, shuffle=True, drop_last=True)

    def epoch() -> None:
        for _ in loader:
            pass

    return epoch


def _refuse_other_pictures(epochs: Epochs, root: Path) -> None:
    """ValueError unless the first file, decoded and resized, is the same on both sides, but for rounding."""
    ours = epochs.data.training_side("a").pixels[0].float()
    resize = transforms.Resize((LOADED, LOADED), transforms.InterpolationMode.BICUBIC)
    theirs = torch.from_numpy(np.array(resize(Image.open(PerImage(root).a[0]))).transpose(2, 0, 1).copy()).float()
    off = float((ours - theirs).abs().mean())
    if ours.shape != theirs.shape or off > 0.5:
        raise ValueError(f"the pictures differ by {off:.2f} of 255 levels on average")
