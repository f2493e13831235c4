from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from atelier.data.stripes import Stripes
from atelier.data.stripes_canvas import Deal, grey, wave
from atelier.data.stripes_scene import _animals, draw, scenes
from atelier.pixels import to_levels, to_unit
from atelier.types import Domain, Mistake

FEW = range(0, 24)
BOTH: list[Domain] = ["a", "b"]


def stripes(image_size: int = 64, **wishes: int) -> Stripes:
    return Stripes(
        **({"image_size": image_size, "load_size": image_size, "channels": 3, "train": 16, "test": 64} | wishes)
    )


def halved(pixels: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(pixels.float(), 2)


def cover(numbers: Sequence[int], size: int) -> Tensor:
    """How much of each pixel is animal, in [0, 1]: float32 ``[N, 1, size, size]``."""
    _, left_open = _animals(scenes(numbers), size, striped=False)
    return 1.0 - left_open


def psnr(first: Tensor, second: Tensor) -> float:
    error = (to_levels(to_unit(first)) - to_levels(to_unit(second))).square().mean()
    return float(-10 * error.log10())


def test_images_are_the_same_bytes_on_every_machine() -> None:
    pixels = torch.cat([draw(FEW, 32, striped) for striped in (False, True)])
    assert hashlib.sha256(pixels.numpy().tobytes()).hexdigest()[:16] == "ced1c859dc0fb220"


@pytest.mark.parametrize("domain", BOTH)
def test_a_scene_follows_from_its_number_alone(domain: Domain) -> None:
    few, many = stripes(test=3).load("test", domain), stripes(test=9).load("test", domain)
    assert torch.equal(few.pixels, many.pixels[:3])
    assert few.names == many.names[:3]
    numbers = [int(name.removeprefix("scene-")) for name in many.names]
    assert torch.equal(many.pixels[7:8], draw(numbers[7:8], 64, striped=domain == "b"))


def test_no_scene_is_in_two_places() -> None:
    data = stripes(image_size=16, train=400)
    names = [name for split in ("train", "test") for domain in BOTH for name in data.load(split, domain).names]
    assert len(set(names)) == len(names) == 2 * (400 + 64)
    plain = torch.cat([data.load("test", "a").pixels, data.truth("test", "b")])
    assert len(plain.flatten(1).unique(dim=0)) == len(plain)


def test_the_truth_is_the_same_scene_with_the_other_coat() -> None:
    data = stripes(test=12)
    for domain in BOTH:
        images = data.load("test", domain)
        numbers = [int(name.removeprefix("scene-")) for name in images.names]
        animal = cover(numbers, 64).expand_as(images.pixels)
        plain, striped = (images.pixels, data.truth("test", domain))[:: 1 if domain == "a" else -1]
        assert torch.equal(plain[animal == 0], striped[animal == 0])
        assert (plain >= striped).all(), "stripes only darken"
        inside = animal == 1
        changed = (plain[inside].int() - striped[inside].int()) > 8
        assert 0.35 < changed.float().mean() < 0.65, "as much coat as stripes"


def test_every_animal_is_large_and_whole() -> None:
    animal = cover(FEW, 64)
    assert ((animal >= 0) & (animal <= 1)).all()
    share = animal.mean(dim=(1, 2, 3))
    assert 0.15 < share.min() < share.max() < 0.45
    border = torch.cat([animal[..., 0, :], animal[..., -1, :], animal[..., :, 0], animal[..., :, -1]], dim=-1)
    assert (border == 0).all()


@pytest.mark.parametrize("domain", BOTH)
def test_copying_the_input_is_no_translation(domain: Domain) -> None:
    data = stripes()
    assert 14.5 < psnr(data.load("test", domain).pixels, data.truth("test", domain)) < 16.5


def test_both_domains_show_the_same_kinds_of_scene() -> None:
    data = stripes(image_size=16, train=400)
    plain, also_plain = data.load("train", "a").pixels.float(), data.truth("train", "b").float()
    colours = [images.mean(dim=(2, 3)) for images in (plain, also_plain)]
    difference = colours[0].mean(0) - colours[1].mean(0)
    # Four standard errors.
    deviation = ((colours[0].var(0) + colours[1].var(0)) / 400).sqrt()
    assert (difference.abs() < 4 * deviation).all()


@pytest.mark.parametrize("striped", [False, True])
def test_all_sizes_show_the_same(striped: bool) -> None:
    small, large = draw(FEW, 64, striped), draw(FEW, 128, striped)
    difference = (small.float() - halved(large)).abs()
    assert difference.mean() < 1.2
    assert difference.flatten().quantile(0.99) < 14


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (33, 3), (64, 1)])
def test_shapes(size: int, channels: int) -> None:
    data = stripes(image_size=size, load_size=size + 4, channels=channels, train=2, test=3)
    for domain in BOTH:
        assert data.load("test", domain).pixels.shape == (3, channels, size, size)
        assert data.truth("test", domain).shape == (3, channels, size, size)
        assert data.training(domain).pixels.shape == (2, channels, size + 4, size + 4)
        assert data.training(domain).names == data.load("train", domain).names
        assert data.load("test", domain).pixels.dtype == torch.uint8


def test_grey_is_pillows_luma() -> None:
    from PIL import Image

    pixels = draw([3], 32, striped=True)
    expected = Image.fromarray(pixels[0].permute(1, 2, 0).numpy()).convert("L")
    assert bytes(grey(pixels).flatten().tolist()) == expected.tobytes()


def test_waves_repeat_and_are_smooth() -> None:
    turns = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    assert torch.allclose(wave(turns), wave(turns + 1), atol=1e-12)
    assert (wave(turns) + (2 * torch.pi * turns).sin()).abs().max() < 0.06


def test_chance_is_dealt_scene_by_scene() -> None:
    alone, together = Deal([5]), Deal([4, 5])
    for _ in range(3):
        assert torch.equal(alone.between(-1.0, 1.0), together.between(-1.0, 1.0)[1:])
    assert set(Deal(range(64)).side().flatten().tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"image_size": 8}, "data.image_size=8"),
        ({"image_size": 1024}, "data.image_size=1024"),
        ({"channels": 4}, "data.channels=4"),
        ({"load_size": 63}, "data.load_size=63"),
        ({"train": 0}, "data.source.train=0"),
        ({"test": 5001}, "data.source.test=5001"),
    ],
)
def test_impossible_wishes_are_named(wish: dict[str, int], named: str) -> None:
    with pytest.raises(Mistake, match=named):
        stripes(**wish)
