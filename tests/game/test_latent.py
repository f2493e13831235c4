"""Latents: their distributions, the endless row, truncation and walks."""

import math

import pytest
import torch

from atelier.game.latent import Latent, Normal, Uniform
from atelier.moment import Moment
from atelier.types import Mistake


def test_uniform_latents_stay_in_their_range_and_are_uniform() -> None:
    z = Uniform(100).draw(Moment(0, 0), "z", 2000).flatten().double()
    assert z.min() >= -1 and z.max() < 1
    # Kolmogorov and Smirnov: the largest gap between the two distribution functions, at the 0.1 % level.
    ranks = torch.arange(1, len(z) + 1, dtype=torch.float64) / len(z)
    gap = ((z.sort().values + 1) / 2 - ranks).abs().max()
    assert gap < 1.95 / math.sqrt(len(z))


def test_normal_latents_have_unit_moments() -> None:
    z = Normal(100).draw(Moment(0, 0), "z", 2000)
    assert z.mean().abs() < 0.01
    assert (z.std() - 1).abs() < 0.01


@pytest.mark.parametrize("latent", [Uniform(5), Normal(5)])
def test_a_place_in_the_endless_row_has_one_latent_however_it_is_reached(latent: Latent) -> None:
    row = latent.at(7, torch.arange(3000))
    shuffled = torch.randperm(3000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(latent.at(7, shuffled), row[shuffled])
    assert torch.equal(latent.at(7, torch.arange(1000, 1100)), row[1000:1100])
    assert not torch.equal(latent.at(8, torch.arange(10)), row[:10])
    assert len(row.unique(dim=0)) == 3000


def test_truncation_keeps_the_order_and_the_bounds() -> None:
    latent = Normal(50)
    z = latent.at(0, torch.arange(400))
    cut = latent.truncate(z, 0.7)
    assert cut.abs().max() <= 0.7
    assert (cut.flatten()[z.flatten().argsort()].diff() >= 0).all()
    torch.testing.assert_close(latent.truncate(z, 9.0), z, rtol=1e-4, atol=1e-4)  # hardly anything is left out
    # The standard deviation of a normal truncated at ±t: 1 - 2 t φ(t) / (2 Φ(t) - 1).
    phi = math.exp(-0.245) / math.sqrt(2 * math.pi)
    expected = math.sqrt(1 - 2 * 0.7 * phi / math.erf(0.7 / math.sqrt(2)))
    assert cut.std().item() == pytest.approx(expected, rel=0.02)


def test_truncation_is_refused_where_it_makes_no_sense() -> None:
    with pytest.raises(Mistake, match="latent=normal"):
        Uniform(3).truncate(torch.zeros(1, 3), 0.5)


def test_walks_end_where_they_should_and_stay_typical() -> None:
    for latent in (Uniform(64), Normal(64)):
        start, end = latent.at(0, torch.arange(2))
        walk = latent.between(start, end, 9)
        torch.testing.assert_close(walk[0], start)
        torch.testing.assert_close(walk[-1], end)
    lengths = walk.norm(dim=1)  # of the normal's walk
    assert lengths.min() > 0.9 * min(start.norm(), end.norm())
    assert latent.between(start, start, 3).isfinite().all()
