from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from atelier.objective.minimax import Minimax


def no_real() -> torch.Tensor:
    raise AssertionError("the generator's loss must not ask for the reals' logits")


def test_is_the_value_function_in_float64():
    random = np.random.default_rng(0)
    real, fake = random.normal(size=50), random.normal(size=50)
    d_real, d_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))

    objective = Minimax()

    value = np.log(d_real).mean() + np.log(1 - d_fake).mean()
    assert objective.discriminator(torch.tensor(real), torch.tensor(fake)).item() == pytest.approx(-value, rel=1e-13)
    loss = objective.generator(torch.tensor(fake), no_real).item()
    assert loss == pytest.approx(np.log(1 - d_fake).mean(), rel=1e-13)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_is_finite_for_a_discriminator_that_is_sure(logit: float):
    logits = torch.tensor([logit], requires_grad=True)

    loss = Minimax().discriminator(logits, logits) + Minimax().generator(logits, no_real)
    loss.backward()

    assert loss.isfinite() and logits.grad is not None and logits.grad.isfinite().all()


def test_generator_ascends_what_the_discriminator_descends():
    """A zero-sum game: G's gradient is minus D's, fake by fake."""
    fake = torch.linspace(-3, 3, 7, dtype=torch.float64, requires_grad=True)

    of_d = torch.autograd.grad(Minimax().discriminator(torch.zeros(7), fake), fake)[0]
    of_g = torch.autograd.grad(Minimax().generator(fake, no_real), fake)[0]

    torch.testing.assert_close(of_g, -of_d)


def test_best_discriminator_of_two_points_is_the_density_ratio():
    """Goodfellow et al. 2014, proposition 1: D* = p / (p + q), here found by Newton's method on the loss."""
    p = torch.tensor([0.8, 0.2], dtype=torch.float64)
    q = torch.tensor([0.3, 0.7], dtype=torch.float64)
    logits = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    # Ten draws of each make the expectations exact: p and q are tenths.
    real, fake = (torch.arange(2).repeat_interleave((10 * mass).round().long()) for mass in (p, q))

    for _ in range(20):
        loss = Minimax().discriminator(logits[real], logits[fake])
        (slope,) = torch.autograd.grad(loss, logits, create_graph=True)
        curvature = torch.stack([torch.autograd.grad(s, logits, retain_graph=True)[0] for s in slope])
        logits = (logits - torch.linalg.solve(curvature, slope)).detach().requires_grad_()

    torch.testing.assert_close(logits.sigmoid(), p / (p + q))
    # Theorem 1: V(D*, G) = −log 4 + 2 JSD(p, q).
    middle = (p + q) / 2
    divergence = 0.5 * ((p * (p / middle).log()).sum() + (q * (q / middle).log()).sum())
    best = Minimax().discriminator(logits[real], logits[fake])
    assert best.item() == pytest.approx(math.log(4) - 2 * divergence.item(), rel=1e-12)


def test_equilibrium_is_the_value_at_equal_distributions():
    at_half = torch.zeros(8)
    assert -Minimax().discriminator(at_half, at_half).item() == pytest.approx(Minimax.equilibrium)
    assert Minimax.equilibrium == pytest.approx(-math.log(4))
