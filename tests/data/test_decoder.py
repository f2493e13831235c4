"""Pictures of one size are fitted at once, and nobody can tell."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from atelier.data import decoder as module
from atelier.data.decoder import Decoder, found_in
from atelier.data.preprocess import Preprocess, Way

# One size after another, some of them broken.
SIZES = [(40, 30), (40, 30), None, (40, 30), (30, 40), (30, 40), (64, 64), (7, 9), (7, 9), None]


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[str, Path]]:
    chance = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.jpg" for number in range(len(SIZES))]
    for path, size in zip(paths, SIZES, strict=True):
        path.write_bytes(b"no picture")
        if size is not None:
            Image.fromarray(chance.integers(0, 256, (*size, 3), np.uint8)).save(path)
    return [(path.name, path) for path in paths]


@pytest.fixture
def decoder() -> Decoder:
    return Preprocess("resize_and_crop", 32, 24, 3).decoder()


def counting(decoder: Decoder, counts: list[int]) -> Decoder:
    """``decoder``, whose number of pictures at a time goes into ``counts``."""

    def fit(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        counts.append(len(levels))
        return decoder.fit(levels)

    return Decoder(decoder.decode, fit, decoder.settings, decoder.size)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("way", ["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"])
def test_company_changes_no_picture(way: Way, channels: int, files: list[tuple[str, Path]]) -> None:
    decoder = Preprocess(way, 32, 24, channels).decoder()
    together = list(found_in(files, decoder))
    alone = list(chain.from_iterable(found_in([file], decoder) for file in files))
    assert [found.name for found in together] == [name for name, _ in files]
    for mine, same in zip(together, alone, strict=True):
        assert mine.content == same.content
        assert np.array_equal(mine.picture, same.picture)
    assert [isinstance(found.picture, str) for found in together] == [size is None for size in SIZES]


def test_pictures_of_one_size_in_a_row_are_fitted_at_once(files: list[tuple[str, Path]], decoder: Decoder) -> None:
    list(found_in(files, counting(decoder, counts := [])))
    assert counts == [2, 1, 2, 1, 2]


def test_large_pictures_do_not_wait_for_company(
    files: list[tuple[str, Path]], decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SMALL", 40 * 30 * 4 - 1)
    list(found_in(files, counting(decoder, counts := [])))
    assert counts == [1, 1, 1, 1, 1, 1, 2]


def test_a_size_that_cannot_be_fitted_is_the_fault_of_all_that_have_it(files: list[tuple[str, Path]]) -> None:
    decoder = Preprocess("none", 32, 24, 3).decoder()

    def fit(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if levels.shape[1:3] == (30, 40):
            raise ValueError("too wide")
        return decoder.fit(levels)

    found = found_in(files, Decoder(decoder.decode, fit, {}))
    assert [one.name for one in found if isinstance(one.picture, str) and one.picture == "too wide"] == [
        "4.jpg",
        "5.jpg",
    ]
