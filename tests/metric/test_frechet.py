from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from atelier.metric import moments
from atelier.metric.frechet import FrechetDistance
from atelier.types import Features, Mistake


def draw(count: int, width: int, seed: int) -> Tensor:
    return torch.randn(count, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def distance(real: Tensor, fake: Tensor) -> float:
    return FrechetDistance()(Features(real, None), Features(fake, None))["fd"]


def with_moments(mean: Tensor, covariance: Tensor, count: int, seed: int) -> Tensor:
    """Samples whose empirical moments are exactly these."""
    raw = draw(count, len(mean), seed)
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(torch.cov(raw.T)), (raw - raw.mean(dim=0)).T, upper=False
    )
    return mean + (torch.linalg.cholesky(covariance) @ white).T


def by_sqrtm(real: Tensor, fake: Tensor) -> float:
    a, b = np.cov(real.numpy(), rowvar=False), np.cov(fake.numpy(), rowvar=False)
    shift = ((real.mean(dim=0) - fake.mean(dim=0)) ** 2).sum().item()
    return float(shift + np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real))


def by_eigenvalues(real: Tensor, fake: Tensor) -> float:
    a, b = torch.cov(real.T), torch.cov(fake.T)
    root = torch.linalg.eigvals(a @ b).sqrt().real.sum()
    shift = (real.mean(dim=0) - fake.mean(dim=0)).square().sum()
    return (shift + a.trace() + b.trace() - 2 * root).item()


class Itself(nn.Module):
    num_features = 12

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_of_two_gaussians_with_known_moments() -> None:
    means = torch.tensor([[0.0, 1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
    variances = torch.tensor([[1.0, 4.0, 9.0], [4.0, 4.0, 1.0]], dtype=torch.float64)
    real, fake = (with_moments(means[i], variances[i].diag(), 50, seed=i) for i in (0, 1))
    # Diagonal covariances: the sum over axes of (difference of means)² + (difference of deviations)².
    assert distance(real, fake) == pytest.approx(9 + 16 + 1 + 4, rel=1e-9)


def test_of_gaussians_that_do_not_commute() -> None:
    a = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    b = torch.tensor([[4.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    real, fake = (with_moments(torch.zeros(2, dtype=torch.float64), s, 50, seed=1) for s in (a, b))
    # In two dimensions Tr √M = √(Tr M + 2 √det M); here Tr AB = 10 and det AB = 12.
    assert distance(real, fake) == pytest.approx(4 + 5 - 2 * (10 + 2 * 12**0.5) ** 0.5, rel=1e-9)


def test_agrees_with_torchmetrics_and_scipy() -> None:
    real, fake = draw(300, 12, 0), draw(200, 12, 1) * 1.3 + 0.2
    assert distance(real, fake) == pytest.approx(by_torchmetrics(real, fake), rel=1e-6)
    assert distance(real, fake) == pytest.approx(by_sqrtm(real, fake), rel=1e-6)


@pytest.mark.parametrize(("reals", "fakes"), [(200, 20), (20, 200), (20, 20), (64, 64), (65, 63), (2, 2)])
def test_fewer_images_than_features(reals: int, fakes: int) -> None:
    real, fake = draw(reals, 64, 0), draw(fakes, 64, 1) * 1.5 + 0.1
    assert distance(real, fake) == pytest.approx(by_eigenvalues(real, fake), rel=1e-6)


def by_torchmetrics(real: Tensor, fake: Tensor) -> float:
    reference = FrechetInceptionDistance(feature=Itself())
    reference.update(real, real=True)
    reference.update(fake, real=False)
    return reference.compute().item()


@pytest.mark.parametrize("count", [5, 12, 13, 40])
@pytest.mark.parametrize("case", ["alive", "dead", "constant"])
def test_agrees_with_torchmetrics_at_any_size(count: int, case: str) -> None:
    real, fake = draw(30, 12, 0), draw(count, 12, 1) * 1.3 + 0.2
    if case == "dead":
        real[:, 4:7], fake[:, 5:9] = 0, 0
    if case == "constant":
        fake = fake[:1].expand(count, -1)
    assert distance(real, fake) == pytest.approx(by_torchmetrics(real, fake), rel=1e-6)


@pytest.mark.parametrize("count", [40, 12])
def test_blocks_change_nothing(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = draw(50, 12, 0), draw(count, 12, 1) * 1.3 + 0.2
    whole = distance(real, fake)
    monkeypatch.setattr(moments, "_ROWS", 7)
    monkeypatch.setattr(moments, "_COLUMNS", 5)
    assert distance(real, fake) == pytest.approx(whole, rel=1e-12)


def test_a_large_factorisation_of_reals_is_found_again_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATELIER_CACHE", str(tmp_path))
    monkeypatch.setattr(moments, "_LARGE", 1)
    real, fake = draw(50, 12, 0), draw(40, 12, 1) + 1
    figure = distance(real, fake)
    factor = moments._factored
    monkeypatch.setattr(moments, "_factored", lambda _: pytest.fail("factored again"))
    assert distance(real.clone(), fake) == figure
    monkeypatch.setattr(moments, "_factored", factor)
    changed = real.clone()
    changed[3, 4] += 1e-9
    distance(changed, fake)
    assert len(list((tmp_path / "moments").iterdir())) == 2


@pytest.mark.parametrize("count", [2, 10, 100])
def test_of_a_sample_to_itself_is_zero(count: int) -> None:
    features = draw(count, 32, 0)
    assert distance(features, features) == pytest.approx(0, abs=1e-6)


def test_is_symmetric() -> None:
    real, fake = draw(100, 16, 0), draw(40, 16, 1) + 1
    assert distance(real, fake) == pytest.approx(distance(fake, real), rel=1e-9)


def test_survives_dead_features() -> None:
    real, fake = draw(100, 16, 0), draw(100, 16, 1)
    alive = distance(real[:, :10], fake[:, :10])
    real[:, 10:], fake[:, 10:] = 0, 0
    assert distance(real, fake) == pytest.approx(alive, rel=1e-6)


@pytest.mark.parametrize("count", [2, 8, 100])
def test_of_constant_fakes_is_the_reals_spread_and_the_shift(count: int) -> None:
    real, one = draw(100, 16, 0), draw(1, 16, 1)
    spread = torch.cov(real.T).trace() + (real.mean(dim=0) - one).square().sum()
    assert distance(real, one.expand(count, -1)) == pytest.approx(spread.item(), rel=1e-9)


def test_reals_are_kept_between_calls_but_not_confused() -> None:
    score = FrechetDistance()
    reals, fake = [Features(draw(50, 8, seed), None) for seed in (0, 1)], Features(draw(50, 8, 2), None)
    figures = [score(real, fake)["fd"] for real in (*reals, *reals)]
    assert figures[:2] == figures[2:] == [distance(real.features, fake.features) for real in reals]


def test_one_image_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="at least 2 images"):
        distance(draw(5, 3, 0), draw(1, 3, 1))
