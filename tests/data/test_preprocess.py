from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bicubic import bicubic
from numpy.typing import NDArray
from PIL import Image

from atelier.data.decoder import found_in
from atelier.data.preprocess import Preprocess, Way, crops

WAYS: list[Way] = ["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]
SIZES = [(40, 30), (30, 40), (20, 20), (24, 24), (17, 61), (61, 17), (24, 19), (9, 50), (5, 5)]
LOAD, CROP = 24, 20


def plainly(picture: Image.Image, way: Way, load: int, crop: int, corner: tuple[int, int]) -> Image.Image:
    """What the public implementation does to a picture, without the flip, step by step; corner: (left, top)."""
    width, height = picture.size
    if "resize" in way:
        picture = bicubic(picture, (load, load))
    elif "scale_width" in way and not (width == load and height >= crop):
        picture = bicubic(picture, (load, int(max(load * height / width, crop))))
    if "crop" in way:
        left, top = corner
        if picture.width > crop or picture.height > crop:
            picture = picture.crop((left, top, left + crop, top + crop))
    if way == "none":
        picture = bicubic(picture, (round(width / 4) * 4, round(height / 4) * 4))
    return picture


def levels(picture: Image.Image) -> NDArray[np.uint8]:
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def near(mine: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> bool:
    """As near as one filter's rounding comes to another's (see test_resize)."""
    return mine.shape == theirs.shape and bool(np.abs(mine.astype(int) - theirs).max() <= 2)


def kept_of(preprocess: Preprocess, file: Path) -> NDArray[np.uint8]:
    (found,) = found_in([(file.name, file)], preprocess.decoder())
    assert not isinstance(found.picture, str), found
    return found.picture


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_way_is_the_public_implementations(
    tmp_path: Path, picture_of: Callable[..., bytes], way: Way, size: tuple[int, int], channels: int
) -> None:
    file = tmp_path / "it.png"
    file.write_bytes(picture_of(0, size))
    picture = Image.open(file).convert("L" if channels == 1 else "RGB")
    kept = kept_of(Preprocess(way, LOAD, CROP, channels), file)
    if not crops(way):
        assert near(kept, levels(plainly(picture, way, LOAD, CROP, (0, 0))))
        return
    room = kept.shape[1] - CROP, kept.shape[2] - CROP
    assert min(room) >= 0
    for top in {0, room[0] // 2, room[0]}:
        for left in {0, room[1] // 3, room[1]}:
            wanted = levels(plainly(picture, way, LOAD, CROP, (left, top)))
            # A picture smaller than the crop both ways stays so there; here it is continued in black.
            wanted = np.pad(wanted, [(0, 0)] + [(0, CROP - side) for side in wanted.shape[1:]])
            assert near(kept[:, top : top + CROP, left : left + CROP], wanted)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS)
def test_places_of_a_crop_are_as_many_as_the_public_implementation_has(way: Way, size: tuple[int, int]) -> None:
    (width, height), (new_width, new_height) = size, size
    if way == "resize_and_crop":
        new_width = new_height = LOAD
    elif way == "scale_width_and_crop":
        new_width, new_height = LOAD, LOAD * height // width
    if crops(way):
        ours = Preprocess(way, LOAD, CROP, 3).scaled(width, height)
        assert [max(0, side - CROP) for side in ours] == [max(0, new_width - CROP), max(0, new_height - CROP)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS)
def test_evaluation_loads_at_the_crops_size_and_keeps_the_middle(
    tmp_path: Path, picture_of: Callable[..., bytes], way: Way, size: tuple[int, int]
) -> None:
    file = tmp_path / "it.png"
    file.write_bytes(picture_of(1, size))
    picture = Image.open(file)
    kept = kept_of(Preprocess(way, LOAD, CROP, 3).evaluation(), file)
    width, height = Preprocess(way, CROP, CROP, 3).scaled(*size)
    corner = max(0, width - CROP) // 2, max(0, height - CROP) // 2
    wanted = levels(plainly(picture, way, CROP, CROP, corner))
    if crops(way):
        assert kept.shape == (3, CROP, CROP)
        wanted = np.pad(wanted, [(0, 0)] + [(0, CROP - side) for side in wanted.shape[1:]])
    assert near(kept, wanted)


def test_one_form_is_kept_once_where_training_crops_nothing_away() -> None:
    same = Preprocess("resize_and_crop", CROP, CROP, 3)
    assert same.evaluation() == same
    assert same.evaluation().decoder().settings == same.decoder().settings
    assert Preprocess("crop", CROP, CROP, 3).decoder().settings != same.decoder().settings
