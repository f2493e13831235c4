from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

from atelier.data import rescale
from atelier.data.rescale import rescaled

PHOTOGRAPH = Image.fromarray(load_sample_image("china.jpg"))


def pillows(picture: Image.Image, width: int, height: int) -> NDArray[np.int64]:
    resized = np.atleast_3d(np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), dtype=int))
    return resized.transpose(2, 0, 1)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("size", [(286, 286), (700, 500), (640, 500), (64, 40), (9, 300), (1, 1)])
def test_it_is_pillows_but_for_a_few_single_levels(mode: str, size: tuple[int, int]) -> None:
    picture = PHOTOGRAPH.convert(mode)
    off = rescaled(picture, *size).astype(int) - pillows(picture, *size)
    assert np.abs(off).max() <= 2
    assert np.count_nonzero(off) <= 0.01 * off.size + 1


@pytest.mark.parametrize("size", [(30, 31), (7, 9), (100, 50)])
def test_the_hardest_pictures_are_two_levels_off_at_most(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (24, 20, 3))
    picture = Image.fromarray(noise)
    assert np.abs(rescaled(picture, *size).astype(int) - pillows(picture, *size)).max() <= 2


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_picture_of_the_wanted_size_is_left_alone(mode: str) -> None:
    picture = PHOTOGRAPH.convert(mode)
    same = rescaled(picture, *picture.size)
    assert np.array_equal(same, np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1))
    assert same.flags.c_contiguous


def test_large_pictures_are_resized_by_pillow_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescale, "_MOST_PIXELS", 1000)
    assert np.array_equal(rescaled(PHOTOGRAPH, 100, 90), pillows(PHOTOGRAPH, 100, 90))
