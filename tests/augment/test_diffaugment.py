from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from atelier.augment.diffaugment import DiffAugment
from atelier.moment import Moment
from atelier.types import Mistake

MOMENT = Moment(seed=0, step=0)
ALL = ("color", "translation", "cutout")


def pictures(count: int = 6, channels: int = 3, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.rand(count, channels, size, size, generator=generator, dtype=torch.float64) * 2 - 1


def test_at_probability_0_images_stay_as_they_are():
    images = pictures()
    assert torch.equal(DiffAugment(ALL, 0.0)(images, MOMENT), images)


@pytest.mark.parametrize("part", ALL)
def test_at_probability_1_images_change(part):
    images = pictures(count=64)
    changed = (DiffAugment([part], 1.0)(images, MOMENT) != images).flatten(1).any(1)
    # A translation by (0, 0) is one of 25, a hole is never empty.
    assert changed.float().mean() > 0.85


def test_probability_is_per_image_and_may_follow_the_epoch():
    images = pictures(count=2000, channels=1, size=4)
    half = DiffAugment(["color"], lambda epoch: epoch / 10)(images, Moment(0, 0, epoch=5.0))
    changed = (half != images).flatten(1).any(1)
    assert changed.float().mean().item() == pytest.approx(0.5, abs=0.05)


def test_an_image_does_not_see_the_others():
    images = pictures()
    others = images.clone()
    others[1:] = others[1:].flip(0) * 0.3
    together, apart = (DiffAugment(ALL, 0.8)(x, MOMENT) for x in (images, others))
    torch.testing.assert_close(together[0], apart[0], rtol=0, atol=0)


def test_chance_is_the_moments_alone():
    images = pictures()
    augment = DiffAugment(ALL, 1.0)
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    first, again = augment(images, MOMENT), augment(images, MOMENT)

    assert torch.equal(first, again)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.equal(first, augment(images, MOMENT.within("fake")))
    assert not torch.equal(first, augment(images, Moment(0, 1)))


@pytest.mark.parametrize("channels", [1, 3])
def test_gradient_against_finite_differences(channels: int):
    augment = DiffAugment(ALL, 0.7)
    images = pictures(count=3, channels=channels, size=8).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: augment(x, MOMENT), images)
    assert torch.autograd.gradgradcheck(lambda x: augment(x, MOMENT).square(), images)


def test_color_is_brightness_then_saturation_then_contrast():
    """The paper's formulas: an image's mean moves by less than ½; what is left about it is scaled."""
    images = pictures(count=200)
    colored = DiffAugment(["color"], 1.0)(images, MOMENT)

    moved = (colored - images).mean((1, 2, 3))
    assert moved.abs().max() < 0.5 and moved.min() < -0.4 and moved.max() > 0.4

    def grey(x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)

    def tint(x: Tensor) -> Tensor:
        return (x - grey(x)).flatten(1)

    def relief(x: Tensor) -> Tensor:
        return (grey(x) - x.mean((1, 2, 3), keepdim=True)).flatten(1)

    contrast = (relief(colored) / relief(images)).median(1).values
    torch.testing.assert_close(relief(colored), contrast[:, None] * relief(images))
    assert 0.5 <= contrast.min() < 0.55 and 1.45 < contrast.max() < 1.5
    saturation = (tint(colored) / tint(images)).median(1).values / contrast
    torch.testing.assert_close(tint(colored), (saturation * contrast)[:, None] * tint(images))
    assert 0 <= saturation.min() < 0.1 and 1.9 < saturation.max() < 2


def test_translation_moves_every_pixel_alike_and_fills_with_zeros():
    images = pictures(count=200, size=16)
    moved = DiffAugment(["translation"], 1.0)(images, MOMENT)

    padded = F.pad(images, (2, 2, 2, 2))
    shifts = [(y, x) for y in range(-2, 3) for x in range(-2, 3)]
    copies = torch.stack([padded[:, :, 2 - y : 18 - y, 2 - x : 18 - x] for y, x in shifts])
    fits = (copies == moved).flatten(2).all(2)

    assert (fits.sum(0) == 1).all(), "each image is exactly one of the 25 shifted copies"
    assert fits.any(1).all(), "and each shift occurs"


@pytest.mark.parametrize(("size", "furthest"), [(32, 4), (28, 4), (20, 3), (12, 2), (4, 1), (3, 0)])
def test_an_eighth_of_the_side_is_the_nearest_whole_number_of_pixels(size: int, furthest: int):
    """int(side / 8 + 0.5), as the authors' code has it."""
    moved = DiffAugment(["translation"], 1.0)(torch.ones(500, 1, size, size), MOMENT)
    emptied = (moved == 0).all(3).sum(2)
    assert emptied.max() == furthest


@pytest.mark.parametrize("size", [16, 7, 5])
def test_cutout_is_a_square_hole_of_half_the_side(size):
    """int(side / 2 + 0.5), as the authors' code has it."""
    half = int(size / 2 + 0.5)
    cut = DiffAugment(["cutout"], 1.0)(torch.ones(3000, 2, size, size), MOMENT)
    hole = cut == 0

    assert torch.equal(hole[:, 0], hole[:, 1]) and bool(((cut == 0) | (cut == 1)).all())
    rows, columns = hole[:, 0].any(2), hole[:, 0].any(1)
    assert torch.equal(hole[:, 0], rows[:, :, None] & columns[:, None, :])
    assert rows.sum(1).max() == columns.sum(1).max() == half
    # Centres lie anywhere in the picture (at even sizes on an edge too): fewer rows are cut where the hole sticks out.
    starts = [centre - half // 2 for centre in range(size + 1 - half % 2)]
    per_centre = [min(start + half, size) - max(start, 0) for start in starts]
    mean_rows = sum(per_centre) / len(per_centre)
    assert rows.sum(1).double().mean().item() == pytest.approx(mean_rows, rel=0.02)
    assert hole[:, 0].double().sum((1, 2)).mean().item() == pytest.approx(mean_rows**2, rel=0.04)


def test_a_point_stays_where_it_is():
    """Points of the plane are images of one pixel: there is no eighth of it to move by."""
    points = pictures(channels=2, size=1)
    assert torch.equal(DiffAugment(["translation"], 1.0)(points, MOMENT), points)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keeps_the_dtype(dtype: torch.dtype):
    images = pictures(count=512).to(dtype)
    augmented = DiffAugment(ALL, 1.0)(images, MOMENT)
    assert augmented.dtype == dtype and augmented.isfinite().all()


@pytest.mark.parametrize("policy", [[], ["colour"], ["color", "color"], "color"])
def test_unknown_policies_are_refused(policy):
    with pytest.raises(Mistake, match=r"augment\.policy.*color, translation, cutout"):
        DiffAugment(policy, 1.0)


@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan")])
def test_impossible_probabilities_are_refused(probability: float):
    with pytest.raises(Mistake, match=r"augment\.probability="):
        DiffAugment(ALL, probability)
