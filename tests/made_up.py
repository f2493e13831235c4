"""Made-up data sets and pictures in the forms that commands of the documentation name: small enough for seconds."""

from __future__ import annotations

import io
import struct
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

CHANCE = np.random.default_rng(0)


def picture(side: int, channels: int) -> Image.Image:
    shape = (side, side) if channels == 1 else (side, side, channels)
    return Image.fromarray(CHANCE.integers(0, 256, shape, dtype=np.uint8))


def pictures(folder: Path, count: int, side: int = 48) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        picture(side, 3).save(folder / f"{number:03}.png")
    return folder


def labelled(folder: Path, classes: int = 10, each: int = 8) -> Path:
    """A folder for each class."""
    for number in range(classes):
        pictures(folder / f"class{number}", each)
    return folder


def domains(folder: Path, train: int = 8, test: int = 6) -> Path:
    """Two domains as CycleGAN's data sets have them."""
    for name, count in (("trainA", train), ("trainB", train), ("testA", test), ("testB", test)):
        pictures(folder / name, count, 96)
    return folder


def idx(folder: Path, train: int = 512, test: int = 256) -> Path:
    """MNIST's four files, of noise."""
    folder.mkdir(parents=True)
    for split, count in (("train", train), ("t10k", test)):
        images = CHANCE.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        (folder / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, count, 28, 28) + images.tobytes())
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + labels.tobytes())
    return folder


def shards(folder: Path, each: int = 32) -> Path:
    """Four tar files to train on and one to test."""
    folder.mkdir(parents=True)
    for name in ("train-000", "train-001", "train-002", "train-003", "test-000"):
        with tarfile.open(folder / f"{name}.tar", "w") as archive:
            for number in range(each):
                buffer = io.BytesIO()
                picture(32, 1).save(buffer, "PNG")
                for ending, content in (("png", buffer.getvalue()), ("cls", str(number % 10).encode())):
                    member = tarfile.TarInfo(f"{number:04}.{ending}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return folder
