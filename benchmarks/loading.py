"""Unpaired images into batches: PIL and torchvision's per-image transforms against atelier, in turns in one process.

    uv run benchmarks/loading.py

Two domains of JPEG files of 256 x 256 px; resized to 286 px (bicubic), cropped to 256 px, flipped, scaled to [-1, 1],
batch 1: the public CycleGAN implementation's preparation. Neither has workers. Atelier decodes and resizes once (the
time that takes is printed) and crops, flips and scales batches; both read every image of both domains in each epoch.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from atelier.config.build import build
from atelier.config.compose import compose
from atelier.config.environment import register_resolvers
from atelier.config.words import conf_dir
from atelier.moment import Moment

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
    """Crops of scikit-learn's two photographs as two domains."""
    for split in ("train", "test"):
        for domain, photo in zip("AB", load_sample_images().images, strict=True):
            folder = root / f"{split}{domain}"
            folder.mkdir(parents=True)
            height, width = photo.shape[:2]
            for number in range(count if split == "train" else 2):
                here = Moment(0, number).within(domain)
                top, left = (
                    int(here.integers(name, 1, low=0, high=n - SIDE)) for name, n in (("y", height), ("x", width))
                )
                crop = Image.fromarray(photo[top : top + SIDE, left : left + SIDE])
                crop.save(folder / f"{number:04d}.jpg", quality=90)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200, help="of each domain")
    parser.add_argument("--epochs", type=int, default=7, help="timed epochs of each contender")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    register_resolvers()
    with tempfile.TemporaryDirectory() as place:
        os.environ["ATELIER_CACHE"] = str(Path(place) / "cache")
        root = Path(place) / "data"
        photographs(root, arguments.images)
        words = ["model=cyclegan", "data=unpaired_folder", f"data.root={root}"]
        cfg, mistakes = compose(conf_dir(), "train", words)
        if cfg is None or mistakes:
            raise SystemExit("\n".join(mistakes))
        data = build(cfg.data)
        started = time.perf_counter()
        data.prepare_data()
        data.setup("fit")
        prepared = time.perf_counter() - started
        ours, plain = data.train_dataloader(), DataLoader(PerImage(root), batch_size=1, shuffle=True)
        images = 2 * arguments.images
        speeds: dict[str, list[float]] = {"plain": [], "atelier": []}
        for epoch in range(arguments.epochs + 1):
            ours.sampler.set_epoch(epoch)
            started = time.perf_counter()
            for batch in ours:
                data.on_after_batch_transfer(batch, 0)
            speeds["atelier"].append(images / (time.perf_counter() - started))
            started = time.perf_counter()
            for _ in plain:
                pass
            speeds["plain"].append(images / (time.perf_counter() - started))
    ratios = [mine / other for mine, other in zip(speeds["atelier"][1:], speeds["plain"][1:], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    table = Table(title=f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}")
    for column in ("images a second", "plain", "atelier", "times as fast", "quartiles", "decoding once"):
        table.add_column(column, justify="right")
    medians = [f"{statistics.median(speeds[name][1:]):.0f}" for name in ("plain", "atelier")]
    table.add_row("256 px, batch 1", *medians, f"{middle:.1f}", f"{low:.1f}-{high:.1f}", f"{prepared:.1f} s")
    Console().print(table)


if __name__ == "__main__":
    main()
