from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from atelier.data.jitter import crop_corners, cut_out, flip_in_place
from atelier.data.ragged import Ragged
from atelier.moment import Moment
from atelier.types import Domain


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def flipped(images: Tensor, moment: Moment, domain: Domain) -> Tensor:
    flip_in_place(images := images.clone(), moment, domain)
    return images


def ragged(*images: Tensor) -> Ragged:
    return Ragged(torch.cat([image.flatten() for image in images]), torch.tensor([image.shape for image in images]))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(11, 9), (8, 8), (8, 30)])
def test_crops_are_slices_at_the_drawn_corners(channels: int, size: tuple[int, int]) -> None:
    images, moment = noise(20, channels, *size), Moment(seed=1, step=2)
    corners = crop_corners(np.full((20, 2), size), 8, moment, "a").tolist()
    wanted = [image[:, top : top + 8, left : left + 8] for image, (top, left) in zip(images, corners, strict=True)]
    assert torch.equal(cut_out(images, torch.arange(20), 8, moment, "a"), torch.stack(wanted))


def test_images_of_all_sizes_are_cropped_as_those_of_one() -> None:
    images, moment = noise(5, 3, 12, 10), Moment(seed=1, step=2)
    rows = torch.tensor([4, 0, 4, 2])
    assert torch.equal(cut_out(ragged(*images), rows, 8, moment, "b"), cut_out(images, rows, 8, moment, "b"))
    mixed = ragged(noise(3, 8, 8), noise(3, 9, 30))
    crops = cut_out(mixed, torch.tensor([0, 1]), 8, moment, "b")
    assert torch.equal(crops[0], mixed[0])
    top, left = crop_corners(mixed.shapes[:, 1:].numpy(), 8, moment, "b")[1].tolist()
    assert torch.equal(crops[1], mixed[1][:, top : top + 8, left : left + 8])


def test_corners_are_uniform_with_both_ends() -> None:
    count = 31_000
    corners = crop_corners(np.full((count, 2), (286, 256)), 256, Moment(seed=0, step=0), "a")
    seen = np.bincount(corners[:, 0], minlength=31)
    assert len(seen) == 31
    # Chi-squared of 30 degrees of freedom: 59.7 is passed once in a thousand.
    assert ((seen - count / 31) ** 2 / (count / 31)).sum() < 59.7
    assert not corners[:, 1].any()


def test_a_draw_next_to_one_stays_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Moment, "uniform", lambda self, purpose, *shape: torch.full(shape, 1 - 2**-24))
    assert crop_corners(np.array([[5000, 256]]), 256, Moment(seed=0, step=0), "a").tolist() == [[4744, 0]]


def test_flips_are_rows_reversed_where_drawn() -> None:
    images, moment = noise(400, 1, 2, 3), Moment(seed=3, step=4)
    draws = moment.uniform("flip/a", 400)
    for image, seen, draw in zip(images, flipped(images, moment, "a"), draws, strict=True):
        wanted = [row[::-1] for row in image[0].tolist()] if draw < 0.5 else image[0].tolist()
        assert seen[0].tolist() == wanted
    # Five standard deviations.
    assert abs((draws < 0.5).float().mean() - 0.5) < 5 * 0.5 / 20


def test_domains_and_purposes_have_draws_of_their_own() -> None:
    moment = Moment(seed=0, step=0)
    sizes = np.full((50, 2), 1000)
    assert not np.array_equal(crop_corners(sizes, 8, moment, "a"), crop_corners(sizes, 8, moment, "b"))
    images = noise(50, 1, 1, 8)
    assert not torch.equal(flipped(images, moment, "a"), flipped(images, moment, "b"))
