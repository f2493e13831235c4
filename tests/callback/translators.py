"""A translator and its data that can be seen through, for the tests of what watches translators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from pytorch_lightning import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader

from atelier.game.ledger import Ledger
from atelier.types import Direction, Domain, ImageBatch, Mistake, Translated, UnpairedBatch

SIZES = {("train", "a"): 30, ("train", "b"): 9, ("test", "a"): 13, ("test", "b"): 10}
SOURCES: dict[Direction, Domain] = {"a_to_b": "a", "b_to_a": "b"}


class Collection:
    """One domain: images of two splits."""

    def __init__(self, images: dict[str, Tensor]) -> None:
        self.images, self.eval_split = images, "test"
        self.facts: dict[str, Any] = {}

    def reals(self, split: str, count: int | None = None, *, batch_size: int = 256) -> Iterator[ImageBatch]:
        images = self.images[split]
        if count is not None and count > len(images):
            raise Mistake("too few")
        for step, rows in enumerate(torch.arange(len(images) if count is None else count).split(batch_size)):
            yield ImageBatch(images[rows], rows, None, step, 0.0)

    def size(self, split: str) -> int:
        return len(self.images[split])

    def fingerprint(self, split: str) -> str:
        return f"{split}-{self.images[split].float().mean().item()}"


class Couples(LightningDataModule):
    """Images of a are noise, those of b brighter noise; the truth is the image, 51 levels (0.4) brighter or darker."""

    def __init__(self, *, truth: bool = True, batch_size: int = 4, shape: tuple[int, ...] = (3, 8, 12)) -> None:
        super().__init__()
        self.knows, self.batch_size, self.eval_split = truth, batch_size, "test"
        self.facts: dict[str, Any] = {"kind": "unpaired"}
        draw = torch.Generator().manual_seed(0)
        self.images = {
            (split, domain): 51 * (domain == "b") + torch.randint(60, 120, (size, *shape), generator=draw).byte()
            for (split, domain), size in SIZES.items()
        }

    def domain(self, domain: Domain) -> Collection:
        return Collection({split: self.images[split, domain] for split in ("train", "test")})

    def truth(self, split: str, domain: Domain) -> Tensor | None:
        images = self.images[split, domain]
        return (images + 51 if domain == "a" else images - 51) if self.knows else None

    def train_dataloader(self) -> DataLoader[UnpairedBatch]:
        a, b = self.images["train", "a"][:4] / 127.5 - 1, self.images["train", "b"][:4] / 127.5 - 1
        rows = torch.arange(4)
        return DataLoader([UnpairedBatch(a, b, rows, rows, 0, 0.0)], batch_size=None)  # type: ignore[arg-type]  # a list is dataset enough

    def val_dataloader(self) -> list[DataLoader[ImageBatch]]:
        batches = (self.domain(domain).reals("test", batch_size=self.batch_size) for domain in ("a", "b"))
        return [DataLoader(list(some), batch_size=None) for some in batches]  # type: ignore[arg-type]  # a list is dataset enough

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return batch._replace(images=batch.images / 127.5 - 1) if isinstance(batch, ImageBatch) else batch


class Brighter(LightningModule):
    """Translates by adding light, ``strength`` of what is right in the epoch; identity and cycle lose a little of it.

    alike: all translations are the same grey.
    """

    def __init__(self, *strengths: float, alike: bool = False) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.ledger, self.weight = Ledger(), nn.Parameter(torch.zeros(1))
        self.strengths, self.alike = strengths or (1.0,), alike

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        terms = {"d/loss": 0.5, "g/loss": 9.0, "g/cycle_a": 2.0, "g/cycle_b": 3.0, "d/a/adversarial": 0.2}
        terms |= {"g/adversarial_a_to_b": 1.0, "g/adversarial_b_to_a": 1.1, "d/b/adversarial": 0.3}
        terms |= {f"d/{domain}/accuracy_{kind}": 0.8 for domain in "ab" for kind in ("real", "fake")}
        self.ledger.enter({name: torch.tensor(value) for name, value in terms.items()})

    def translate(self, images: Tensor, direction: Direction) -> Tensor:
        if self.alike:
            return torch.zeros_like(images)
        epoch = self.trainer.current_epoch if self._trainer is not None else 0
        light = 0.4 * self.strengths[min(epoch, len(self.strengths) - 1)]
        return images + (light if direction == "a_to_b" else -light)

    def validation_step(self, batch: ImageBatch, batch_idx: int, dataloader_idx: int) -> Translated:
        way: Direction = "a_to_b" if dataloader_idx == 0 else "b_to_a"
        back: Direction = "b_to_a" if dataloader_idx == 0 else "a_to_b"
        fake = self.translate(batch.images, way)
        return Translated(
            way, batch.images, fake, self.translate(fake, back) + 0.25, batch.images - 0.125, batch.indices
        )

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)
