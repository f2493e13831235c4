from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest
import torch

from atelier.data.mnist import Mnist
from atelier.types import Mistake

STEMS = {"train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
         "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}  # fmt: skip


def write(folder: Path, *, suffix: str = "", labels: int = 4) -> None:
    folder.mkdir(parents=True)
    pack = gzip.compress if suffix else bytes
    for images_stem, labels_stem in STEMS.values():
        images = struct.pack(">HBBIII", 0, 8, 3, 4, 28, 28) + bytes(4 * 28 * 28)
        numbers = struct.pack(">HBBI", 0, 8, 1, labels) + bytes(range(labels))
        (folder / f"{images_stem}{suffix}").write_bytes(pack(images))
        (folder / f"{labels_stem}{suffix}").write_bytes(pack(numbers))


@pytest.mark.parametrize("inside", ["", "MNIST/raw"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_files_are_found_where_people_have_them(tmp_path: Path, inside: str, suffix: str) -> None:
    write(tmp_path / "root" / inside, suffix=suffix)
    source = Mnist(str(tmp_path / "root"), "MNIST", 32, 3)
    source.prepare()
    images = source.load("train")
    assert images.pixels.shape == (4, 3, 32, 32)
    assert images.labels.tolist() == [0, 1, 2, 3]


def test_images_and_labels_must_belong_together(tmp_path: Path) -> None:
    write(tmp_path / "root", labels=3)
    with pytest.raises(Mistake, match="do not belong together"):
        Mnist(str(tmp_path / "root"), "MNIST", 28, 1).load("test")


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(Mistake, match=r"data\.source\.name=KMNIST"):
        Mnist("root", "KMNIST", 28, 1)


def test_the_real_files_are_mnist(mnist_root: Path) -> None:
    source = Mnist(str(mnist_root), "MNIST", 28, 1)
    source.prepare()
    train, test = source.load("train"), source.load("test")
    assert train.pixels.shape == (60_000, 1, 28, 28)
    # The figures that everybody normalises MNIST by.
    unit = train.pixels.float() / 255
    assert unit.mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert unit.std().item() == pytest.approx(0.3081, abs=1e-4)
    assert torch.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
