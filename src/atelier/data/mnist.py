"""MNIST and the sets that come in its form."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from atelier.data.download import BY_ROOT, downloading
from atelier.data.idx import read_idx
from atelier.data.resize import fit
from atelier.data.source import Images, Split, check_shape
from atelier.expanded import expanded
from atelier.types import Mistake

_STEMS: dict[Split, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_CLASSES = {
    "MNIST": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    "FashionMNIST": [
        *("T-shirt", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ],
}
_PAGES = {
    "MNIST": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "FashionMNIST": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}


class Mnist:
    """60,000 training and 10,000 test images, 28 x 28 and grey (LeCun et al. 1998; Xiao et al. 2017).

    root: a folder with the four IDX files, gzipped or not, in it or in ``<name>/raw`` (torchvision's layout).
        Where they are missing, torchvision downloads them.
    name: which of the sets.
    image_size: side of the images in pixels; other sizes than 28 are resized to.
    channels: 1, or 3 for three equal ones.
    """

    def __init__(self, root: str, name: Literal["MNIST", "FashionMNIST"], image_size: int, channels: int) -> None:
        check_shape(image_size, channels)
        if name not in _CLASSES:
            raise Mistake(f"data.source.name={name}: must be one of {', '.join(_CLASSES)}")
        self.root, self.name = expanded(root), name
        self.image_size, self.channels = image_size, channels

    def prepare(self) -> None:
        """Download what is not there."""
        if self._here():
            return
        names = ", ".join(f"{stem}.gz" for pair in _STEMS.values() for stem in pair)
        there = f"put {names} from {_PAGES[self.name]} into {self.root}"
        by_hand = f"{there}, or name the folder that has them: {BY_ROOT}"
        with downloading(self.name, self.root, by_hand):
            # Imported here: a second's work that most runs do not need.
            from torchvision import datasets

            if not self._here():
                getattr(datasets, self.name)(str(self.root), download=True)

    def load(self, split: Split) -> Images:
        """The images of ``split`` with their classes as labels. Raises Mistake where a file is broken."""
        image_file, label_file = (self._find(stem) for stem in _STEMS[split])
        assert image_file is not None and label_file is not None, "prepare() comes first"
        images, labels = read_idx(image_file), read_idx(label_file)
        if images.dim() != 3 or labels.dim() != 1 or len(images) != len(labels):
            shapes = f"{image_file} holds {list(images.shape)}, {label_file} {list(labels.shape)}"
            raise Mistake(f"{shapes}: images and labels do not belong together")
        pixels = fit(images[:, None], self.image_size, self.channels)
        return Images(pixels, labels.long(), classes=_CLASSES[self.name])

    def _here(self) -> bool:
        return all(self._find(stem) for pair in _STEMS.values() for stem in pair)

    def _find(self, stem: str) -> Path | None:
        folders = (self.root, self.root / self.name / "raw")
        files = (folder / f"{stem}{suffix}" for folder in folders for suffix in ("", ".gz"))
        return next((file for file in files if file.is_file()), None)
