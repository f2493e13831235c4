from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from atelier.data.digits import Digits
from atelier.metric.classifier import SHIPPED, Classifier
from atelier.metric.classifier_file import load
from atelier.metric.extractor import extract
from atelier.metric.feature_bank import FeatureBank
from atelier.metric.frechet import FrechetDistance
from atelier.types import Features, Mistake

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


def accuracy(extractor: Classifier, images: Tensor, labels: Tensor) -> float:
    logits = extract(extractor, images.split(500), "cpu").logits
    return (logits.argmax(dim=1) == labels).double().mean().item()


def idx(name: str, offset: int) -> Tensor:
    raw = gzip.decompress((MNIST / name).read_bytes())
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=offset).copy())


def test_digits_classifier_knows_digits_that_it_never_saw() -> None:
    held_out = Digits(image_size=32, channels=1).load("test")
    extractor = Classifier("digits")
    found = accuracy(extractor, held_out.pixels, held_out.labels)
    assert found == pytest.approx(extractor.accuracy, abs=1e-2)
    assert found >= 0.97


@pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST is not here")
def test_mnist_classifier_knows_digits_that_it_never_saw() -> None:
    images = idx("t10k-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
    labels = idx("t10k-labels-idx1-ubyte.gz", 8).long()
    assert accuracy(Classifier("mnist"), images[:2000], labels[:2000]) >= 0.97


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_what_is_shipped(name: str) -> None:
    file = SHIPPED / f"{name}.pt"
    known, extractor = load(file), Classifier(name)
    assert file.stat().st_size <= 260_000
    assert known.accuracy >= 0.985
    assert (extractor.name, extractor.num_features, extractor.classes) == (name, 64, 10)
    assert extractor.identity == known.digest()


def test_is_frozen() -> None:
    extractor = Classifier("digits")
    nn.ModuleList([extractor]).train()
    assert not any(module.training for module in extractor.modules())
    assert not any(parameter.requires_grad for parameter in extractor.parameters())


def test_no_feature_is_dead() -> None:
    pixels = Digits(image_size=32, channels=1).load("test").pixels
    assert Classifier("digits")(pixels).features.std(dim=0).min() > 0.01


def test_score_does_not_depend_on_the_batch_size() -> None:
    data = Digits(image_size=32, channels=1)
    extractor = Classifier("digits")
    real, fakes = extract(extractor, [data.load("test").pixels], "cpu"), data.load("train").pixels[:300]
    figures = []
    for batch_size in (1, 7, 300):
        bank = FeatureBank()
        for rows in torch.arange(len(fakes)).split(batch_size):
            bank.update(rows, extractor(fakes[rows]))
        figures.append(FrechetDistance()(real, bank.compute())["fd"])
    assert figures[1:] == pytest.approx(figures[:1] * 2, rel=1e-5)


def test_images_of_other_shapes_are_brought_to_its_own() -> None:
    pixels = Digits(image_size=64, channels=3).load("test").pixels[:100]
    small = Digits(image_size=32, channels=1).load("test").pixels[:100]
    extractor = Classifier("digits")
    agree = extractor(pixels).logits.argmax(dim=1) == extractor(small).logits.argmax(dim=1)
    assert agree.double().mean() > 0.97


def test_ones_own_bears_the_hash(tmp_path: Path) -> None:
    file = tmp_path / "mine.pt"
    shutil.copy(SHIPPED / "digits.pt", file)
    extractor = Classifier(str(file))
    assert extractor.name == f"digits_{extractor.identity[:8]}"
    assert isinstance(extractor(torch.zeros(1, 1, 32, 32, dtype=torch.uint8)), Features)


def test_neither_shipped_nor_a_file_is_a_mistake() -> None:
    with pytest.raises(Mistake, match=r"extractor.weights=digit: neither a shipped classifier \(digits, mnist\)"):
        Classifier("digit")
