"""How time and memory grow with images' sides, batches and data sets: single points, each in a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pytorch_lightning import Callback, Trainer

from atelier.data.folder import ImageFolder
from atelier.data.images import ImageData
from atelier.data.source import Images, Split
from suite.games import cyclegan
from suite.machine import settling
from suite.memory import Peak
from suite.ours import Endless, configured, fit
from suite.turns import quartiles

ROOT = Path(__file__).resolve().parents[2]
_SIDE = 16  # of the images in the generated data sets


def step(side: int, batch: int, device: str) -> tuple[float, int | None]:
    """Seconds and peak bytes of a narrow CycleGAN's step."""
    words = ["model=cyclegan", "data=stripes", f"data.image_size={side}", f"data.batch_size={batch}"]
    narrow = ["generator.width=8", "discriminator.width=8"]
    data = Endless(cyclegan(side).noise(batch, side))
    watcher = _Steps(device)
    fit(configured([*words, *narrow], device), data, watcher)
    return quartiles(watcher.seconds).middle, watcher.bytes


class _Steps(Callback):
    """Times steps after the first for a second or two, three at least, and reads their peak of memory."""

    def __init__(self, device: str) -> None:
        self._settle, self._peak = settling(device), Peak(device)
        self.seconds: list[float] = []
        self.bytes: int | None = None
        self._since: float | None = None

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._settle()
        now = time.perf_counter()
        if self._since is None:
            self._peak.again()
        else:
            self.seconds.append(now - self._since)
        self.bytes = self._peak.taken()
        trainer.should_stop = len(self.seconds) >= 3 and sum(self.seconds) > 1.5
        self._since = time.perf_counter()


class _Generated:
    """``count`` grey images that lie on disk as one mapped block, as decoded folders do."""

    def __init__(self, file: Path, count: int) -> None:
        self.file, self.count = file, count

    def prepare(self) -> None:
        """Write the block."""
        chance = np.random.default_rng(0)
        with self.file.open("wb") as stream:
            for start in range(0, self.count, 10_000):
                rows = min(10_000, self.count - start)
                stream.write(chance.integers(0, 256, (rows, _SIDE, _SIDE), np.uint8).tobytes())

    def load(self, split: Split) -> Images:
        """The block."""
        pixels = np.memmap(self.file, np.uint8, mode="c", shape=(self.count, 1, _SIDE, _SIDE))
        return Images(torch.from_numpy(pixels))


def loader(count: int) -> tuple[float, float, int | None]:
    """Of a data set of ``count`` images: seconds to its first batch, then seconds an image, and peak bytes."""
    with tempfile.TemporaryDirectory() as folder:
        source = _Generated(Path(folder) / "pixels.u8", count)
        source.prepare()
        facts = {"image_size": _SIDE, "channels": 1, "batch_size": 64, "eval_batch_size": 64, "seed": 0, "workers": 0}
        more = {"flip": True, "subset": None, "classes": None, "eval_split": "test", "facts": {}}
        peak = Peak("cpu")
        began = time.perf_counter()
        data = ImageData(source, **facts, **more)  # type: ignore[arg-type]  # words by name
        data.setup("fit")
        loader = data.train_dataloader()
        next(iter(loader))
        opened = time.perf_counter() - began
        seconds = _through(data, loader)
        return opened, seconds, peak.taken()


def _through(data: ImageData, loader: Any, least: int = 20_000) -> float:
    """Seconds an image over ``least`` images or more, in whole epochs: each begins with an order of all its images."""
    images = epoch = 0
    began = time.perf_counter()
    while images < least:
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            data.on_after_batch_transfer(batch, 0)
            images += batch.size
        epoch += 1
    return (time.perf_counter() - began) / images


def decode(place: str, count: int) -> float:
    """Seconds to decode a folder of ``count`` tiny PNG files, which are made in ``place`` before."""
    os.environ["ATELIER_CACHE"] = f"{place}/cache"
    _tiny_files(Path(place) / "data", count)
    began = time.perf_counter()
    ImageFolder(f"{place}/data", 8, 1).prepare()
    return time.perf_counter() - began


def reopen(place: str) -> tuple[float, int | None]:
    """Seconds to open that folder again, and peak bytes of it."""
    os.environ["ATELIER_CACHE"] = f"{place}/cache"
    peak = Peak("cpu")
    began = time.perf_counter()
    images = ImageFolder(f"{place}/data", 8, 1).load("train")
    assert len(images.pixels)
    return time.perf_counter() - began, peak.taken()


def _tiny_files(root: Path, count: int) -> None:
    written = io.BytesIO()
    Image.new("L", (8, 8), 128).save(written, "PNG")
    for number in range(count):
        file = root / f"{number // 1000:03d}" / f"{number:06d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written.getvalue())


def processes(count: int) -> tuple[float, int | None]:
    """Seconds an image of the digits' DCGAN in ``count`` processes of one thread each, and the first one's peak."""
    trainer = ["trainer=cpu"] if count == 1 else ["trainer=ddp_cpu", f"trainer.devices={count}"]
    words = ["model=dcgan", "data=digits", "data.batch_size=128", "trainer.max_epochs=4"]
    with tempfile.TemporaryDirectory() as place:
        quiet = ["trainer.check_val_every_n_epoch=100", f"hydra.run.dir={place}/run"]
        command = [sys.executable, str(ROOT / "src" / "train.py"), *words, *trainer, *quiet]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=ROOT)
        if done.returncode:
            raise RuntimeError(f"src/train.py ended with status {done.returncode}: {done.stderr[-600:]}")
        results = json.loads((Path(place) / "run" / "results.json").read_text())
    return 1 / results["images_per_second"], results["peak_memory_bytes"]
