from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from bicubic import bicubic
from PIL import Image, ImageOps
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from atelier.data.batches import TrainingBatches
from atelier.data.chosen import rows
from atelier.data.ragged import Ragged
from atelier.data.source import Images
from atelier.data.unpaired import UnpairedData
from atelier.data.unpaired_folder import UnpairedFolder
from atelier.moment import Moment
from atelier.pixels import to_unit
from atelier.types import Domain, ImageBatch, Mistake, UnpairedBatch

LOAD, CROP = 12, 8
COUNTS = {("train", "a"): 5, ("train", "b"): 9, ("test", "a"): 3, ("test", "b"): 7}


class Noise:
    """Noise, whose truth is its negative."""

    def prepare(self) -> None: ...

    def load(self, split: str, domain: Domain) -> Images:
        return Images(self.draw(split, domain, CROP))

    def training(self, domain: Domain) -> Images:
        return Images(self.draw("train", domain, LOAD))

    def truth(self, split: str, domain: Domain) -> Tensor | None:
        return 255 - self.load(split, domain).pixels

    def draw(self, split: str, domain: Domain, size: int) -> Tensor:
        generator = Moment(seed=1, step=0).generator(f"{split}/{domain}/{size}")
        return torch.randint(0, 256, (COUNTS[split, domain], 3, size, size), generator=generator, dtype=torch.uint8)


class Rugged(Noise):
    """Noise of sizes that differ."""

    def load(self, split: str, domain: Domain) -> Any:
        images = [torch.full((3, 8, 4 + index), index, dtype=torch.uint8) for index in range(COUNTS[split, domain])]
        shapes = torch.tensor([image.shape for image in images])
        return SimpleNamespace(pixels=Ragged(torch.cat([image.flatten() for image in images]), shapes), names=None)

    def training(self, domain: Domain) -> Any:
        return self.load("train", domain)


def data(source: Any = None, **choices: Any) -> UnpairedData:
    wishes: dict[str, Any] = {
        "image_size": CROP, "load_size": LOAD, "channels": 3, "batch_size": 1, "eval_batch_size": 4, "seed": 5,
        "workers": 0, "flip": True, "pairing": "random", "preprocess": "resize_and_crop", "subset": None,
        "eval_split": "test", "facts": {"kind": "unpaired"},
    }  # fmt: skip
    return UnpairedData(source or Noise(), **(wishes | choices))


def on(made: UnpairedData, rank: int = 0, world: int = 1) -> UnpairedData:
    made.trainer = SimpleNamespace(global_rank=rank, world_size=world, training=True)
    made.setup("fit")
    return made


def epoch(made: UnpairedData, number: int = 0) -> list[UnpairedBatch]:
    """The batches of one epoch as the step gets them."""
    loader = made.train_dataloader()
    assert isinstance(loader.sampler, TrainingBatches)
    loader.sampler.set_epoch(number)
    return [made.on_after_batch_transfer(batch, 0) for batch in loader]


def test_a_batch_is_the_public_implementations_on_the_same_draws(
    tmp_path: Path, picture_of: Callable[..., bytes]
) -> None:
    for seed, name in enumerate(f"{part}/{number}.png" for part in ("trainA", "trainB") for number in range(6)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(picture_of(seed, (20 + seed, 30 - seed)))
    for letter in "AB":
        (tmp_path / f"test{letter}").symlink_to(tmp_path / f"train{letter}")
    folder = UnpairedFolder(
        str(tmp_path), preprocess="resize_and_crop", load_size=286, image_size=256, channels_a=3, channels_b=3,
        a="A", paired=False,
    )  # fmt: skip
    made = on(data(folder, image_size=256, load_size=286, batch_size=3))
    for batch in epoch(made, 2):
        moment = Moment(seed=5, step=batch.step).within("data")
        for domain, images, indices in (("a", batch.a, batch.indices_a), ("b", batch.b, batch.indices_b)):
            corners = (moment.uniform(f"crop/{domain}", 3, 2) * 31).long().tolist()
            flips = (moment.uniform(f"flip/{domain}", 3) < 0.5).tolist()
            for image, index, (top, left), flip in zip(images, indices.tolist(), corners, flips, strict=True):
                file = tmp_path / f"train{domain.upper()}" / f"{index}.png"
                picture = bicubic(Image.open(file).convert("RGB"), (286, 286))
                picture = picture.crop((left, top, left + 256, top + 256))
                picture = ImageOps.mirror(picture) if flip else picture
                wanted = torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).copy())
                assert (image - to_unit(wanted)).abs().max() < 2.5 / 127.5  # as near as test_resize says
    [first, _] = made.val_dataloader()
    evaluated = np.asarray(bicubic(Image.open(tmp_path / "testA/0.png"), (256, 256)))
    off = next(iter(first)).images[0].int() - torch.from_numpy(evaluated.transpose(2, 0, 1).astype(np.int32))
    assert off.abs().max() <= 2


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("pairing", ["random", "serial"])
def test_ranks_and_workers_change_nothing(workers: int, pairing: str) -> None:
    whole = epoch(on(data(batch_size=4, pairing=pairing)), 1)
    parts = [epoch(on(data(batch_size=4, pairing=pairing, workers=workers), rank, 2), 1) for rank in range(2)]
    assert len(whole) == 2
    for one, first, second in zip(whole, *parts, strict=True):
        assert (one.step, one.epoch) == (first.step, first.epoch) == (second.step, second.epoch)
        for name in ("a", "b", "indices_a", "indices_b"):
            assert torch.equal(getattr(one, name), torch.cat([getattr(first, name), getattr(second, name)]))


def test_training_goes_on_at_a_stored_step() -> None:
    whole = epoch(on(data()), 1)
    made = on(data())
    loader = made.train_dataloader()
    loader.load_state_dict({"step": 12, "batches": 9})
    loader.sampler.set_epoch(1)
    rest = [made.on_after_batch_transfer(batch, 0) for batch in loader]
    assert [batch.step for batch in rest] == list(range(12, 18))
    assert all(torch.equal(one.b, other.b) for one, other in zip(rest, whole[3:], strict=True))


def test_crops_can_be_left_out() -> None:
    made = on(data(preprocess="none", flip=False))
    pixels = Noise().training("a").pixels
    for batch in epoch(made):
        assert torch.equal(batch.a, to_unit(pixels[batch.indices_a]))
    already_small = on(data(flip=False, image_size=LOAD))
    assert torch.equal(epoch(already_small)[0].a, epoch(made)[0].a)


def test_validation_is_one_loader_a_domain_and_each_image_once() -> None:
    for split in ("test", "train"):
        for place, domain in enumerate(("a", "b")):
            seen = []
            for rank in range(2):
                made = data(eval_split=split)
                made.trainer = SimpleNamespace(global_rank=rank, world_size=2, training=False)
                for batch in made.val_dataloader()[place]:
                    after = made.on_after_batch_transfer(batch, place)
                    assert torch.equal(after.images, to_unit(Noise().load(split, domain).pixels[batch.indices]))
                    seen += batch.indices.tolist()
            assert sorted(seen) == list(range(COUNTS[split, domain]))


def test_a_domain_is_a_collection_of_reals() -> None:
    made = data(subset=4)
    for domain in ("a", "b"):
        one = made.domain(domain)
        assert (one.facts["kind"], one.facts["channels"], one.eval_split) == ("unpaired", 3, "test")
        whole = torch.cat([batch.images for batch in one.reals("test", batch_size=2)])
        assert torch.equal(whole, Noise().load("test", domain).pixels)
        more, few = (torch.cat([b.indices for b in one.reals("test", count)]) for count in (3, 2))
        assert len(set(more.tolist())) == 3
        assert torch.equal(more[:2], few)
        assert sum(batch.size for batch in one.reals("train")) == one.size("train") == 4
        with pytest.raises(Mistake, match=f"8 real images wanted of the test/{domain} split, which has"):
            next(one.reals("test", 8))
        with pytest.raises(Mistake, match="no such split"):
            next(one.reals("val"))
    prints = {made.domain(domain).fingerprint(split) for domain in ("a", "b") for split in ("train", "test")}
    assert len(prints | {data().domain("b").fingerprint("train")}) == 5
    assert data(seed=8).domain("a").fingerprint("test") == made.domain("a").fingerprint("test")


def test_truth_follows_the_selection() -> None:
    made = data(subset=4)
    for split in ("train", "test"):
        reals = torch.cat([batch.images for batch in made.domain("b").reals(split)])
        assert torch.equal(made.truth(split, "b"), 255 - reals)
    unknown = type("Unknown", (Noise,), {"truth": lambda *words: None})
    assert data(unknown()).truth("test", "a") is None


def test_subsets_are_of_each_domain_and_nested_and_shorten_the_epoch() -> None:
    small, large = on(data(subset=2)), on(data(subset=6, seed=8))
    for domain, most in (("a", 5), ("b", 6)):
        chosen = [set(rows(made.side("train", domain).chosen).tolist()) for made in (small, large)]
        assert (len(chosen[0]), len(chosen[1])) == (2, most)
        assert chosen[0] <= chosen[1]
        assert len(small.side("test", domain).chosen) == COUNTS["test", domain]
        assert torch.equal(rows(small.side("train", domain).chosen), rows(small.training_side(domain).chosen))
    assert len(small.train_dataloader()) == 2


def test_both_domains_are_two_classes_for_a_classifier() -> None:
    made = data(subset=4)
    for split, counts in (("train", (4, 4)), ("test", (3, 7))):
        batches = made.split(split)
        pixels, labels = (part[rows(batches.chosen)] for part in (batches.images.pixels, batches.images.labels))
        assert labels.bincount().tolist() == list(counts)
        for label, domain in enumerate(("a", "b")):
            reals = torch.cat([batch.images for batch in made.domain(domain).reals(split)])
            assert torch.equal(pixels[labels == label], reals)
    with pytest.raises(Mistake, match="differ in size or channels"):
        data(Rugged(), preprocess="none").split("test")


def test_images_of_different_sizes_come_one_by_one() -> None:
    made = on(data(Rugged(), preprocess="scale_width"))
    made.prepare_data()
    for batch in epoch(made):
        assert batch.a.shape == (1, 3, 8, 4 + int(batch.indices_a))
        assert batch.b.shape == (1, 3, 8, 4 + int(batch.indices_b))
    for place, domain in enumerate(("a", "b")):
        sizes = [batch.images.shape[-1] for batch in made.val_dataloader()[place]]
        assert sizes == [4 + index for index in range(COUNTS["test", domain])]
        assert [batch.images.shape[-1] for batch in made.domain(domain).reals("test")] == sizes
        assert made.domain(domain).fingerprint("test") != data().domain(domain).fingerprint("test")
    with pytest.raises(Mistake, match=r"data\.batch_size=2: with data\.preprocess=none images keep .*batch_size=1"):
        on(data(Rugged(), preprocess="none", batch_size=2))


def test_batch_size_is_settled_by_the_larger_domain(caplog: pytest.LogCaptureFixture) -> None:
    assert on(data(batch_size=64), world=2).batch_size == 8
    assert "data.batch_size=64 is more than 9 training images: using 8" in caplog.text
    with pytest.raises(Mistake, match=r"data\.batch_size=3: .* 2 devices"):
        on(data(batch_size=3), world=2)


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"batch_size": 0}, r"data\.batch_size=0"),
        ({"subset": 0}, r"data\.subset=0"),
        ({"eval_split": "val"}, r"data\.eval_split=val"),
        ({"pairing": "parallel"}, r"data\.pairing=parallel: must be one of random, serial"),
    ],
)
def test_values_are_checked_when_constructed(choices: dict[str, Any], text: str) -> None:
    with pytest.raises(Mistake, match=text):
        data(**choices)


class Watcher(LightningModule):
    """Remembers what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.trained: list[UnpairedBatch] = []
        self.validated: list[tuple[int, Tensor]] = []

    def configure_optimizers(self) -> None: ...

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        self.trained.append(batch)

    def validation_step(self, batch: ImageBatch, batch_idx: int, dataloader_idx: int) -> None:
        assert batch.images.dtype == torch.float32
        self.validated.append((dataloader_idx, batch.indices))


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*configure_optimizers.*returned")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*")
def test_lightning_walks_through_both_domains() -> None:
    watcher, made = Watcher(), data()
    trainer = Trainer(
        accelerator="cpu", max_epochs=2, logger=False, enable_checkpointing=False, enable_model_summary=False,
        enable_progress_bar=False, num_sanity_val_steps=0, use_distributed_sampler=False,
    )  # fmt: skip
    trainer.fit(watcher, datamodule=made)
    assert [batch.step for batch in watcher.trained] == list(range(18))
    for one, other in zip(watcher.trained, epoch(on(data()), 0) + epoch(on(data()), 1), strict=True):
        assert torch.equal(one.a, other.a) and torch.equal(one.b, other.b)
    for place, count in ((0, 3), (1, 7)):
        seen = torch.cat([indices for number, indices in watcher.validated if number == place])
        assert torch.equal(seen, torch.arange(count).repeat(2))
