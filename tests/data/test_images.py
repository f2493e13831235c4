from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from atelier.data.batches import fitting
from atelier.data.chosen import rows
from atelier.data.digits import Digits
from atelier.data.images import ImageData
from atelier.data.ring import Ring
from atelier.data.source import Images, Source
from atelier.moment import Moment
from atelier.pixels import to_unit
from atelier.types import ImageBatch, Mistake

CHOICES: dict[str, Any] = {
    "image_size": 8, "channels": 1, "batch_size": 64, "eval_batch_size": 100, "seed": 5, "workers": 0,
    "flip": False, "subset": None, "classes": None, "eval_split": "test", "facts": {"kind": "single"},
}  # fmt: skip


def data(source: Source | None = None, **choices: Any) -> ImageData:
    return ImageData(source or Digits(8, 1), **(CHOICES | choices))


def on(made: ImageData, **trainer: Any) -> ImageData:
    made.trainer = SimpleNamespace(**({"global_rank": 0, "world_size": 1, "training": True} | trainer))
    return made


def batch(count: int, step: int = 7) -> ImageBatch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 1, 4, 4), dtype=torch.uint8, generator=generator)
    return ImageBatch(images, torch.arange(count), None, step, 0.5)


class Unlabelled:
    """A dozen images without labels."""

    def prepare(self) -> None: ...

    def load(self, split: str) -> Images:
        return Images(torch.zeros(12, 1, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("world", [1, 2])
def test_flip_is_a_plain_rendering_of_its_draws(world: int) -> None:
    before = batch(40)
    for rank in range(world):
        made = on(data(flip=True), global_rank=rank, world_size=world)
        after = made.on_after_batch_transfer(before, 0).images
        everyones = Moment(seed=5, step=7).within("data").uniform("flip", 40 * world)
        for image, seen, draw in zip(before.images, after, everyones[rank * 40 :], strict=False):
            wanted = torch.tensor([row[::-1] for row in image[0].tolist()]) if draw < 0.5 else image[0]
            assert torch.equal(seen[0], to_unit(wanted.to(torch.uint8)))


def test_flip_has_probability_one_half_and_other_draws_at_other_steps() -> None:
    made = on(data(flip=True))
    images = torch.arange(2, dtype=torch.uint8).view(1, 1, 1, 2).expand(2000, 1, 1, 2)
    first, second = (
        made.on_after_batch_transfer(batch(1, step)._replace(images=images), 0).images[:, 0, 0, 0] > -1
        for step in (0, 1)
    )
    # Five standard deviations.
    assert abs(first.float().mean() - 0.5) < 5 * 0.5 / 2000**0.5
    assert 800 < (first != second).sum() < 1200


def test_nothing_is_flipped_in_validation_or_without_the_wish() -> None:
    for made in (on(data(flip=True), training=False), on(data(flip=False)), data(flip=True)):
        before = batch(16)
        assert torch.equal(made.on_after_batch_transfer(before, 0).images, to_unit(before.images))


def test_floats_pass_through_unscaled() -> None:
    made = on(data(Ring(8, 0.7, 0.02), image_size=1, channels=2, batch_size=256))
    made.setup("fit")
    first = next(iter(made.train_dataloader()))
    assert torch.equal(made.on_after_batch_transfer(first, 0).images, first.images)


def test_classes_are_kept_under_their_own_numbers_in_both_splits() -> None:
    made = data(classes=[3, 7])
    whole = data()
    for split in ("train", "test"):
        labels = torch.cat([b.labels for b in made.reals(split)])
        every = torch.cat([b.labels for b in whole.reals(split)])
        assert torch.equal(labels, every[(every == 3) | (every == 7)])
        assert torch.equal(torch.cat([b.indices for b in made.reals(split)]), torch.arange(len(labels)))


def test_subsets_are_nested_and_leave_the_test_split_whole() -> None:
    small, large = (data(subset=count, seed=seed) for count, seed in ((50, 1), (200, 2)))
    chosen = [set(rows(made.split("train").chosen).tolist()) for made in (small, large)]
    assert [len(one) for one in chosen] == [50, 200]
    assert chosen[0] < chosen[1]
    assert len(small.split("test")) == 355


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"classes": [12]}, r"data\.classes=\[12\]: no class 12; there are 0 to 9"),
        ({"classes": [-1]}, r"data\.classes=\[-1\]: no class -1"),
        ({"classes": [1], "source": Unlabelled()}, r"data\.classes=\[1\]: this data has no labels"),
        ({"subset": 5000}, r"data\.subset=5000 is more than 1,442 training images"),
        ({"subset": 500, "classes": [3]}, r"data\.subset=500 is more than 147 training images"),
    ],
)
def test_selections_that_cannot_be_made_are_named(choices: dict[str, Any], text: str) -> None:
    made = data(choices.pop("source", None), **choices)
    with pytest.raises(Mistake, match=text):
        made.prepare_data()


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"batch_size": 0}, r"data\.batch_size=0"),
        ({"eval_batch_size": -1}, r"data\.eval_batch_size=-1"),
        ({"workers": -1}, r"data\.workers=-1"),
        ({"subset": 0}, r"data\.subset=0"),
        ({"classes": []}, r"data\.classes=\[\]"),
        ({"eval_split": "val"}, r"data\.eval_split=val"),
    ],
)
def test_values_are_checked_when_constructed(choices: dict[str, Any], text: str) -> None:
    with pytest.raises(Mistake, match=text):
        data(**choices)


class Named(Unlabelled):
    """The same of cats and dogs."""

    def load(self, split: str) -> Images:
        return super().load(split)._replace(labels=torch.arange(12) % 2, classes=["cat", "dog"])


@pytest.mark.parametrize(
    ("source", "stated", "told"),
    [(Named(), 1, r"2 classes \(cat, dog\)"), (Named(), 3, r"2 classes \(cat, dog\)"), (None, 9, "10 classes")],
)
def test_another_number_of_classes_than_the_data_has_is_refused(source: Source | None, stated: int, told: str) -> None:
    with pytest.raises(Mistake, match=rf"data\.facts\.num_classes={stated}: the data has {told}"):
        data(source, facts={"num_classes": stated}).prepare_data()
    data(source, facts={"num_classes": 2 if source else 10}).prepare_data()


def test_classes_with_names_are_listed() -> None:
    with pytest.raises(Mistake, match=r"there are 0 to 1: 0 \(cat\), 1 \(dog\)"):
        data(Named(), classes=[2]).prepare_data()


def test_batch_size_is_checked_against_devices() -> None:
    with pytest.raises(Mistake, match=r"data\.batch_size=64: .* 3 devices"):
        on(data(), world_size=3).setup("fit")


def test_batch_size_shrinks_to_the_set_in_words(caplog: pytest.LogCaptureFixture) -> None:
    made = on(data(subset=11, batch_size=64), world_size=2)
    made.setup("fit")
    assert made.batch_size == 10
    assert "data.batch_size=64 is more than 11 training images: using 10" in caplog.text
    with pytest.raises(Mistake, match="1 training images cannot be shared by 2 devices"):
        on(data(subset=1), world_size=2).setup("fit")


def test_validation_sees_the_named_split_once_over_two_ranks() -> None:
    for split, size in (("test", 355), ("train", 1442)):
        seen = [
            index
            for rank in range(2)
            for b in on(data(eval_split=split), global_rank=rank, world_size=2).val_dataloader()
            for index in b.indices.tolist()
        ]
        assert sorted(seen) == list(range(size))


def test_reals_come_in_order_or_drawn_without_replacement() -> None:
    made = data(flip=True)
    whole = list(made.reals("test", batch_size=100))
    assert torch.equal(torch.cat([b.images for b in whole]), Digits(8, 1).load("test").pixels)
    assert sum(b.size for b in whole) == made.size("test") == 355
    drawn = torch.cat([b.indices for b in made.reals("test", 40, batch_size=7)])
    assert len(set(drawn.tolist())) == 40
    more = torch.cat([b.indices for b in data(seed=9).reals("test", 90)])
    assert torch.equal(more[:40], drawn)
    for b in made.reals("test", 40):
        assert torch.equal(b.images, made.split("test").images.pixels[b.indices])
    with pytest.raises(Mistake, match="356 real images wanted of the test split, which has 355"):
        next(made.reals("test", 356))
    with pytest.raises(Mistake, match="no such split"):
        next(made.reals("validation"))


def test_fingerprint_stands_for_content_and_selection() -> None:
    same = {data(seed=1, batch_size=3, flip=True).fingerprint("test"), data().fingerprint("test")}
    other = {
        data().fingerprint("train"),
        data(classes=[3]).fingerprint("test"),
        data(Digits(9, 1), image_size=9).fingerprint("test"),
        data(Digits(8, 3), channels=3).fingerprint("test"),
    }
    assert len(same) == 1
    assert len(other) == 4
    assert not same & other


class Watcher(LightningModule):
    """Remembers what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.trained: list[tuple[int, float, Tensor]] = []
        self.validated: list[Tensor] = []

    def configure_optimizers(self) -> None: ...

    def training_step(self, batch: ImageBatch, batch_idx: int) -> None:
        assert batch.images.dtype == torch.float32
        self.trained.append((batch.step, batch.epoch, batch.indices))

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        assert batch.images.dtype == torch.float32
        self.validated.append(batch.indices)


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*configure_optimizers.*returned")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*")
@pytest.mark.parametrize("workers", [0, 2])
def test_lightning_walks_through_epochs_in_our_order(workers: int) -> None:
    watcher, made = Watcher(), data(batch_size=400, workers=workers)
    trainer = Trainer(
        accelerator="cpu", max_epochs=3, logger=False, enable_checkpointing=False, enable_model_summary=False,
        enable_progress_bar=False, num_sanity_val_steps=0, use_distributed_sampler=False,
    )  # fmt: skip
    trainer.fit(watcher, datamodule=made)
    steps, epochs, indices = zip(*watcher.trained, strict=True)
    assert list(steps) == list(range(9))
    assert epochs == pytest.approx([number / 3 for number in range(9)])
    for epoch in range(3):
        generator = Moment(seed=5, step=epoch).within("data").generator("order")
        seen = torch.cat(indices[3 * epoch : 3 * epoch + 3])
        assert torch.equal(seen, torch.randperm(1442, generator=generator)[:1200])
    assert torch.equal(torch.cat(watcher.validated), torch.arange(355).repeat(3))


def test_floats_that_are_no_numbers_are_refused_by_name() -> None:
    class Broken:
        def prepare(self) -> None: ...

        def load(self, split: str) -> Images:
            pixels = torch.zeros(4, 1, 2, 2)
            pixels[2, 0, 0, 1] = float("nan")
            return Images(pixels, names=["a", "b", "c", "d"])

    options = {
        "batch_size": 2,
        "eval_batch_size": 2,
        "seed": 0,
        "workers": 0,
        "flip": False,
        "subset": None,
        "classes": None,
    }
    data = ImageData(Broken(), image_size=2, channels=1, eval_split="test", facts={}, **options)
    with pytest.raises(Mistake, match="c of the train split has pixels that are NaN"):
        data.prepare_data()


@pytest.mark.parametrize(
    ("size", "told"), [(1, "1 training image: using 1"), (8192, "8,192 training images: using 8,192")]
)
def test_images_are_counted_as_people_count(size: int, told: str, caplog: pytest.LogCaptureFixture) -> None:
    assert fitting(100_000, size, world=1) == size
    assert f"data.batch_size=100000 is more than {told}" in caplog.text
