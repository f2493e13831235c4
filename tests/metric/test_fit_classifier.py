from __future__ import annotations

import pytest
import torch

from atelier.data.digits import Digits
from atelier.metric.fit_classifier import Labelled, fit_classifier
from atelier.types import Mistake


def halves(count: int, seed: int) -> Labelled:
    """Images that are bright on the left (class 0) or on the right (class 1)."""
    labels = torch.arange(count) % 2
    noise = torch.randint(0, 60, (count, 1, 12, 12), generator=torch.Generator().manual_seed(seed))
    bright = (torch.arange(12) >= 6).expand(count, 1, 12, 12) == labels.bool().view(-1, 1, 1, 1)
    return Labelled((noise + 180 * bright).to(torch.uint8), labels)


def test_learns_and_repeats_itself_without_the_global_generator() -> None:
    before = torch.get_rng_state()
    first, again, other = (
        fit_classifier(halves(128, 0), halves(64, 1), data="halves", size=12, epochs=8, batch_size=16, seed=seed)
        for seed in (0, 0, 1)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert first.digest() == again.digest() != other.digest()
    assert first.accuracy == 1.0
    assert (first.data, first.classes, first.channels, first.size) == ("halves", 2, 1, 12)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [-1, 0, 1, 0]])
def test_data_without_two_classes_are_a_mistake(labels: list[int]) -> None:
    images = Labelled(halves(4, 0).images, torch.tensor(labels))
    with pytest.raises(Mistake, match="at least two classes"):
        fit_classifier(images, images, data="none", size=12, epochs=1)


def test_no_images_are_a_mistake() -> None:
    empty = Labelled(torch.zeros(0, 1, 12, 12, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(Mistake, match="needs labelled images"):
        fit_classifier(halves(4, 0), empty, data="none", size=12, epochs=1)


@pytest.mark.slow
def test_makes_what_is_shipped_for_digits() -> None:
    train, test = (Digits(image_size=32, channels=1).load(split) for split in ("train", "test"))
    made = fit_classifier(
        Labelled(train.pixels, train.labels),
        Labelled(test.pixels, test.labels),
        data="digits",
        size=32,
        epochs=40,
    )
    assert made.accuracy >= 0.985
