from __future__ import annotations

import numpy as np
import pytest
import torch

from atelier.objective.least_squares import LeastSquares


def no_real() -> torch.Tensor:
    raise AssertionError("the generator's loss must not ask for the reals' logits")


def test_against_numpy():
    random = np.random.default_rng(1)
    real, fake = random.normal(size=(4, 1, 3, 3)), random.normal(size=(4, 1, 3, 3))

    loss = LeastSquares().discriminator(torch.tensor(real), torch.tensor(fake)).item()

    assert loss == pytest.approx(0.5 * np.mean((real - 1) ** 2) + 0.5 * np.mean(fake**2), rel=1e-13)
    assert LeastSquares().generator(torch.tensor(fake), no_real).item() == pytest.approx(np.mean((fake - 1) ** 2))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_best_discriminator_is_the_density_ratio(p: float):
    """Mao et al. 2017, eq. 5: D* = (b p + a q) / (p + q), which for b = 1, a = 0 is p / (p + q)."""
    q = 1 - p
    d = torch.linspace(0, 1, 1001, dtype=torch.float64)
    loss = torch.stack([p * LeastSquares().discriminator(v, torch.zeros(())) for v in d])
    loss += torch.stack([q * LeastSquares().discriminator(torch.ones(()), v) for v in d])

    assert d[loss.argmin()].item() == pytest.approx(p / (p + q), abs=1e-3)


def test_equilibrium_is_minus_the_loss_at_one_half():
    half = torch.full((4,), 0.5)
    assert -LeastSquares().discriminator(half, half).item() == LeastSquares.equilibrium
    assert LeastSquares.boundary == 0.5
