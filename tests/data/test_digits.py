from __future__ import annotations

import hashlib

import pytest
import torch
from sklearn.datasets import load_digits

from atelier.data.digits import Digits
from atelier.types import Mistake


def test_split_is_disjoint_complete_and_stratified() -> None:
    train, test = (Digits(8, 1).load(split) for split in ("train", "test"))
    assert (len(train.pixels), len(test.pixels)) == (1442, 355)
    assert sorted([*train.names, *test.names]) == [f"{index:04d}" for index in range(1797)]
    every, held_out = torch.bincount(torch.cat([train.labels, test.labels])), torch.bincount(test.labels)
    assert torch.equal(held_out, every // 5)


def test_pixels_at_their_own_size_are_scikit_learns() -> None:
    whole = load_digits()
    test = Digits(8, 1).load("test")
    rows = [int(name) for name in test.names]
    assert torch.equal(test.labels, torch.from_numpy(whole.target[rows]))
    levels = torch.from_numpy(whole.images[rows]) * (255 / 16)
    assert (test.pixels[:, 0] - levels).abs().max() <= 0.5


def test_which_images_are_held_out_never_changes() -> None:
    names = "".join(Digits(8, 1).load("test").names)
    assert hashlib.sha256(names.encode()).hexdigest()[:16] == "9d458fa3d2b5e624"
    pixels = Digits(8, 1).load("test").pixels.numpy().tobytes()
    assert hashlib.sha256(pixels).hexdigest()[:16] == "747b8e40cc4d21a2"


@pytest.mark.parametrize(("image_size", "channels"), [(32, 1), (28, 3), (5, 1)])
def test_shapes(image_size: int, channels: int) -> None:
    pixels = Digits(image_size, channels).load("test").pixels
    assert pixels.shape == (355, channels, image_size, image_size)
    assert pixels.dtype == torch.uint8
    assert torch.equal(pixels[:, 0], pixels[:, -1])
    # Resized smoothly: the mean stays, up to the clamping of overshoots.
    native = Digits(8, 1).load("test").pixels.float().mean()
    assert abs(pixels.float().mean() - native) < 4


@pytest.mark.parametrize(("image_size", "channels", "named"), [(0, 1, "data.image_size=0"), (8, 2, "data.channels=2")])
def test_impossible_shapes_are_named(image_size: int, channels: int, named: str) -> None:
    with pytest.raises(Mistake, match=named):
        Digits(image_size, channels)
