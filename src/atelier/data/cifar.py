"""CIFAR-10, by torchvision."""

from __future__ import annotations

import torch

from atelier.data.download import BY_ROOT, downloading
from atelier.data.resize import fit
from atelier.data.source import Images, Split, check_shape
from atelier.expanded import expanded

_ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"


class Cifar10:
    """50,000 training and 10,000 test images of ten classes, 32 x 32 in colour (Krizhevsky 2009).

    root: the folder that holds ``cifar-10-batches-py``, or where torchvision downloads it to.
    image_size: side of the images in pixels; other sizes than 32 are resized to.
    channels: 3, or 1 for grey.
    """

    def __init__(self, root: str, image_size: int, channels: int) -> None:
        check_shape(image_size, channels)
        self.root = expanded(root)
        self.image_size, self.channels = image_size, channels

    def prepare(self) -> None:
        """Download what is not there; torchvision checks every file's MD5."""
        # Imported here: a second's work that other data does not need.
        from torchvision.datasets import CIFAR10

        by_hand = f"put {_ARCHIVE} into {self.root}, or name its folder by {BY_ROOT}"
        with downloading("CIFAR-10", self.root, by_hand):
            CIFAR10(str(self.root), download=True)

    def load(self, split: Split) -> Images:
        """The images of ``split`` with their classes as labels."""
        from torchvision.datasets import CIFAR10

        whole = CIFAR10(str(self.root), train=split == "train")
        pixels = torch.from_numpy(whole.data).permute(0, 3, 1, 2).contiguous()
        return Images(fit(pixels, self.image_size, self.channels), torch.tensor(whole.targets), classes=whole.classes)
