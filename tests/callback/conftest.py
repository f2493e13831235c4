from __future__ import annotations

import errno
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from atelier.callback.atomic import AtomicCheckpointIO
from atelier.callback.clock import Clock
from atelier.callback.journal import Journal
from atelier.callback.scoreboard import Scoreboard
from atelier.game.ledger import Ledger
from atelier.metric.extractor import Extractor
from atelier.types import Features, ImageBatch, Judged, Mistake

TRAIN, TEST, BATCH = 40, 24, 8


class Pixels(Extractor):
    """Four numbers per image: the means of its quarters."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.identity, self.resize = "pixels", "quarters", "none"
        self.num_features, self.classes = 4, None

    def prepare(self) -> None: ...

    def look(self, images: Tensor) -> Features:
        assert images.dtype == torch.uint8
        return Features(nn.functional.adaptive_avg_pool2d(images.float() / 255, 2).flatten(1), None)


class Distance:
    """How far apart the mean features are (lower is better), and its negative (higher is better)."""

    names: Mapping[str, bool] = {"distance": False, "closeness": True}

    def __call__(self, real: Features, fake: Features) -> dict[str, float]:
        distance = (real.features.mean(0) - fake.features.mean(0)).norm().item()
        return {"distance": distance, "closeness": -distance}


class Pictures(LightningDataModule):
    """40 images to train on and 24 to test on, in batches of the asked-for size."""

    def __init__(self, eval_batch_size: int = BATCH) -> None:
        super().__init__()
        self.eval_batch_size, self.eval_split = eval_batch_size, "test"
        self.facts: dict[str, Any] = {}
        self.images = {split: _images(size, seed) for split, size, seed in (("train", TRAIN, 0), ("test", TEST, 1))}

    def train_dataloader(self) -> DataLoader[ImageBatch]:
        return self._loader("train", BATCH)

    def val_dataloader(self) -> DataLoader[ImageBatch]:
        return self._loader("test", self.eval_batch_size)

    def _loader(self, split: str, size: int) -> DataLoader[ImageBatch]:
        return DataLoader(list(self._batches(split, size)), batch_size=None)  # type: ignore[arg-type]  # a list is dataset enough

    def _batches(self, split: str, size: int) -> Iterator[ImageBatch]:
        images = self.images[split]
        for step, rows in enumerate(torch.arange(len(images)).split(size)):
            yield ImageBatch(images[rows], rows, None, step, step * size / len(images))

    def on_after_batch_transfer(self, batch: ImageBatch, dataloader_idx: int) -> ImageBatch:
        assert self.trainer is not None
        done = self.trainer.current_epoch * (TRAIN // BATCH) if self.trainer.training else 0
        return batch._replace(images=batch.images.float() / 127.5 - 1, step=batch.step + done)

    def reals(self, split: str, count: int | None = None, *, batch_size: int = 256) -> Iterator[ImageBatch]:
        if count is not None and count > len(self.images[split]):
            raise Mistake("too few")
        yield from (
            self._batches(split, batch_size)
            if count is None
            else [ImageBatch(self.images[split][:count], torch.arange(count), None, 0, 0.0)]
        )

    def size(self, split: str) -> int:
        return len(self.images[split])

    def fingerprint(self, split: str) -> str:
        return f"pictures-{split}"


def _images(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=generator)


class Toy(LightningModule):
    """A "generator" that moves towards grey by a known way: at step t all terms are t.

    offset: epoch -> brightness of the fakes, 0 being what the reals have on average.
    alike: fakes do not differ. poison: step at which d/loss becomes NaN.
    """

    def __init__(
        self,
        offset: Callable[[int], float] = lambda epoch: 0.0,
        *,
        alike: bool = False,
        poison: int | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.ledger, self.weight = Ledger(), nn.Parameter(torch.zeros(3))
        self.offset, self.alike, self.poison = offset, alike, poison
        self.equilibrium, self.average = -1.25, nn.Identity()

    def training_step(self, batch: ImageBatch, batch_idx: int) -> None:
        value = torch.tensor(float("nan") if batch.step == self.poison else float(batch.step))
        self.ledger.enter({"d/loss": value, "g/loss": -value, "value": value / 10})

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> Judged:
        fake = self.offset(self.trainer.current_epoch) + self._fakes(batch.indices)
        return Judged(batch.images, fake.clamp(-1, 1), batch.indices)

    def _fakes(self, places: Tensor) -> Tensor:
        if self.alike:
            return torch.zeros(len(places), 1, 8, 8)
        draws = [torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(int(place))) for place in places]
        return 0.3 * torch.stack(draws)

    def sample(self, count: int, *, seed: int, start: int = 0, labels: Tensor | None = None) -> Tensor:
        return self._fakes(torch.arange(start, start + count) + 1000 * seed).clamp(-1, 1)

    def interpolate(self, rows: int, steps: int, *, seed: int) -> Tensor:
        return self.sample(rows * steps, seed=seed)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


Fit = Callable[..., Trainer]


@pytest.fixture(autouse=True)
def cache(cache: Path) -> Path:
    """Every test here has a cache of its own."""
    return cache


@pytest.fixture
def toy() -> type[Toy]:
    return Toy


@pytest.fixture
def pictures() -> type[Pictures]:
    return Pictures


@pytest.fixture
def pixels() -> type[Pixels]:
    return Pixels


@pytest.fixture
def scoreboard() -> Scoreboard:
    return Scoreboard(Pixels(), {"distance": Distance()})


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    """Trains a module under a clock and other callbacks; its run's folder is ``tmp_path / "run"``."""

    def run(
        module: LightningModule,
        *callbacks: Callback,
        data: Pictures | None = None,
        epochs: int = 2,
        **options: Any,
    ) -> Trainer:
        folder = tmp_path / "run"
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            callbacks=[Clock(), *callbacks],
            logger=[Journal(folder), *options.pop("loggers", [])],
            plugins=[AtomicCheckpointIO()],
            default_root_dir=folder,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=options.pop("enable_checkpointing", False),
            **options,
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*LeafSpec.*")  # torch's, of Lightning
            trainer.fit(module, data or Pictures())
        return trainer

    return run


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], bool]], None]:
    """Takes a question: checkpoints find the disk full while its answer is yes."""
    save = torch.save

    def ask(full: Callable[[], bool]) -> None:
        def write(*given: object) -> None:
            if full():
                raise OSError(errno.ENOSPC, "No space left on device")
            save(*given)  # type: ignore[arg-type]

        monkeypatch.setattr("atelier.callback.atomic.torch.save", write)

    return ask
