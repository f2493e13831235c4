"""Splits that are too small for a score are answered before a run has a folder, with every such score by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from omegaconf import DictConfig
from PIL import Image

from atelier.cli import run
from atelier.task import evaluate, train
from tiny import SMALL

Compose = Callable[..., DictConfig]

STRIPES = [*("model=cyclegan", "data=stripes", "data.image_size=32", "data.source.train=6"), "trainer=cpu"]
STRIPES += ["extractor=pixels", "extractor.numbers=3072"]


def words(root: Path, *sizes: tuple[str, int]) -> list[str]:
    """A run on folders of noise."""
    draw = np.random.default_rng(0)
    for split, size in sizes:
        (root / split).mkdir(parents=True)
        for number in range(size):
            Image.fromarray(draw.integers(0, 255, (32, 32), np.uint8)).save(root / split / f"{number}.png")
    shape = ["data.image_size=32", "data.channels=1", "extractor=digits"]
    return [*SMALL, "data=image_folder", f"data.root={root}", *shape, "trainer.check_val_every_n_epoch=1"]


def test_a_small_test_split_is_answered_before_the_run_has_a_folder(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("train", [*words(here / "pictures", ("train", 12), ("test", 5)), "hydra.run.dir=run"]) == 2
    said = capfd.readouterr().err
    assert "2 mistakes:" in said and "data.eval_split=test" in said
    assert "at least 10 images; there are 5 fake ones" in said and "metric.inception_score=null" in said
    assert "at least 6 images" in said and "metric.density_coverage=null" in said
    assert not (here / "run").exists()


def test_the_ways_that_are_named_lead_on(here: Path, composed: Compose) -> None:
    small = words(here / "pictures", ("train", 12), ("test", 5))
    assert len(train.preflight(composed(*small))) == 2
    assert train.preflight(composed(*small, "metric.inception_score=null", "metric.density_coverage=null")) == []
    assert train.preflight(composed(*small, "data.eval_split=train")) == []


@pytest.mark.parametrize("unlooked", ["trainer.limit_val_batches=0", "trainer.check_val_every_n_epoch=9"])
def test_a_run_that_never_validates_needs_no_images_for_it(unlooked: str, here: Path, composed: Compose) -> None:
    small = words(here / "pictures", ("train", 12), ("test", 5))
    assert train.preflight(composed(*small, "trainer.max_epochs=8", unlooked)) == []


def test_validations_that_are_cut_short_count_what_they_see(composed: Compose) -> None:
    short = [*SMALL, "trainer.limit_val_batches=2", "trainer.check_val_every_n_epoch=1"]
    (said,) = train.preflight(composed(*short, "data.eval_batch_size=4"))
    assert said.startswith("trainer.limit_val_batches=2: ") and "there are 8 fake ones" in said
    assert train.preflight(composed(*short, "data.eval_batch_size=5")) == []


def test_extractors_without_classes_owe_no_inception_score(composed: Compose) -> None:
    short = [*SMALL, "trainer.limit_val_batches=1", "data.eval_batch_size=7", "trainer.check_val_every_n_epoch=1"]
    assert train.preflight(composed(*short, "extractor=pixels", "extractor.numbers=1024")) == []


def test_translators_are_asked_for_both_domains(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("train", [*STRIPES, "data.source.test=3", "hydra.run.dir=run"]) == 2
    said = capfd.readouterr().err
    assert "precision and recall with k=3 needs at least 4" in said and "metric.precision_recall=null" in said
    assert said.count("needs at least") == 1
    assert not (here / "run").exists()


def test_a_translator_that_nothing_could_judge_is_answered_before_the_run_has_a_folder(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for folder in ("trainA", "trainB", "testA", "testB"):
        words(here / "pictures", (folder, 4))
    data = ["data=unpaired_folder", "data.root=pictures", "data.image_size=32", "data.load_size=32", "extractor=none"]
    assert run("train", ["model=cyclegan", *data, "trainer=cpu", "hydra.run.dir=run"]) == 2
    assert "nothing tells a good translator" in capfd.readouterr().err
    assert not (here / "run").exists()


def test_few_samples_are_answered_before_they_are_made(trained: Path, here: Path, composed: Compose) -> None:
    few = [f"ckpt={trained}", "samples=4"]
    said = evaluate.preflight(composed(*few, root="evaluate"))
    ways = ["metric=generation metric.inception_score=null", "metric=generation metric.density_coverage=null"]
    assert [way for way, text in zip(ways, said, strict=True) if text.startswith("samples=4: ") and way in text] == ways
    less = {word for way in ways for word in way.split()}
    assert run("evaluate", [*few, *sorted(less), "hydra.run.dir=scores"]) == 0
    assert (here / "scores" / "results.json").is_file()
