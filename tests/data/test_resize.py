from __future__ import annotations

import numpy as np
import pytest
import torch
from bicubic import bicubic
from PIL import Image
from sklearn.datasets import load_sample_images

from atelier.data import resize
from atelier.data.resize import fit, resized

COLOUR = torch.randint(0, 256, (5, 3, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_what_fits_is_handed_back() -> None:
    assert fit(COLOUR, 12, 3) is COLOUR


def test_grey_is_pillows_luma() -> None:
    grey = fit(COLOUR, 12, 1)
    for image, mine in zip(COLOUR, grey, strict=True):
        pillows = np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L"), dtype=int)
        assert np.abs(pillows - mine[0].numpy().astype(int)).max() <= 1


def test_resizing_is_pillows_bicubic() -> None:
    # Pillow also clamps between its two passes, so the comparison keeps clear of black and white.
    mild = COLOUR[:1] // 4 + 96
    for size in (7, 30):
        mine = fit(mild, size, 3)[0].permute(1, 2, 0).numpy().astype(int)
        picture = Image.fromarray(mild[0].permute(1, 2, 0).numpy())
        pillows = np.asarray(bicubic(picture, (size, size)), dtype=int)
        assert np.abs(pillows - mine).max() <= 1


def test_chunks_do_not_show(monkeypatch) -> None:
    whole = fit(COLOUR, 20, 1)
    monkeypatch.setattr(resize, "_CHUNK", 2)
    assert torch.equal(fit(COLOUR, 20, 1), whole)


def levels(picture: Image.Image) -> np.ndarray:
    four = picture.mode if picture.mode == "L" else "RGBX"
    return np.array(picture.convert(four)).reshape(picture.height, picture.width, -1)


def apart(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).reshape(picture.height, picture.width, -1).transpose(2, 0, 1)


PHOTOGRAPHS = [Image.fromarray(photograph) for photograph in load_sample_images().images]


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(286, 286), (256, 256), (900, 700), (64, 64), (128, 31), (3, 200)])
def test_a_picture_is_resized_as_pillow_does(mode: str, size: tuple[int, int]) -> None:
    for photograph in PHOTOGRAPHS:
        picture = photograph.convert(mode)
        off = resized(levels(picture)[None], size)[0].astype(int) - apart(bicubic(picture, size))
        assert np.abs(off).max() <= 2
        assert (off != 0).mean() < 0.01
        assert abs(off.mean()) < 0.005  # none brighter, none darker


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_picture_of_the_wanted_size_keeps_its_levels(mode: str) -> None:
    picture = PHOTOGRAPHS[0].convert(mode)
    assert np.array_equal(resized(levels(picture)[None], picture.size)[0], apart(picture))
