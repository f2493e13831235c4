"""The image pool's law (Shrivastava et al. 2017, section 2.3)."""

import math

import pytest
import torch

from atelier.game.pool import ImagePool
from atelier.moment import Moment
from atelier.types import Mistake


def _numbered(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count).float().view(-1, 1, 1, 1)


def test_below_its_capacity_it_keeps_every_fake_and_passes_it_on() -> None:
    pool = ImagePool(50)
    for step in range(10):
        fakes = _numbered(5 * step, 5)
        assert torch.equal(pool.swap(fakes, Moment(0, step)), fakes)
    assert [int(image) for image in pool.images] == list(range(50))


def test_once_full_half_are_old_and_every_place_is_as_likely() -> None:
    capacity, draws = 20, 4000
    pool = ImagePool(capacity)
    pool.swap(_numbered(0, capacity), Moment(3, 0))
    taken = [0] * capacity
    place_of = {number: number for number in range(capacity)}
    old = 0
    for step in range(1, draws + 1):
        new = capacity + step
        shown = int(pool.swap(_numbered(new, 1), Moment(3, step)))
        if shown == new:
            assert new not in [int(image) for image in pool.images]
            continue
        old += 1
        place = place_of.pop(shown)  # it was in the pool, and is there no more
        place_of[new] = place
        taken[place] += 1
        assert int(pool.images[place]) == new
    assert abs(old / draws - 0.5) < 4 * 0.5 / math.sqrt(draws)
    expected = old / capacity
    chi_squared = sum((count - expected) ** 2 / expected for count in taken)
    assert chi_squared < 43.8  # 19 degrees of freedom, p = 0.001


def test_a_fake_of_the_same_batch_may_come_back_and_nothing_carries_gradients() -> None:
    pool = ImagePool(1)
    fakes = _numbered(0, 64).requires_grad_()
    shown = pool.swap(fakes, Moment(0, 0))
    assert not shown.requires_grad
    assert (shown.flatten() < fakes.flatten()).any()
    pool.images[0].zero_()
    assert int(fakes[-1]) == 63, "the pool holds copies"


def test_capacity_0_passes_everything_on() -> None:
    pool = ImagePool(0)
    fakes = _numbered(0, 8)
    assert torch.equal(pool.swap(fakes, Moment(0, 0)), fakes)
    assert pool.images == []
    with pytest.raises(Mistake, match="capacity=-1"):
        ImagePool(-1)


def test_images_of_different_sizes_share_a_pool() -> None:
    pool = ImagePool(2)
    for step in range(20):
        side = 4 + step % 3
        shown = pool.swap(torch.full((1, 1, side, side), float(side)), Moment(0, step))
        assert (shown == shown.shape[-1]).all()
