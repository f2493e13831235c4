from __future__ import annotations

import numpy as np
import pytest
import torch

from atelier.objective.hinge import Hinge


def no_real() -> torch.Tensor:
    raise AssertionError("the generator's loss must not ask for the reals' logits")


def test_against_numpy():
    random = np.random.default_rng(2)
    real, fake = 2 * random.normal(size=40), 2 * random.normal(size=40)

    loss = Hinge().discriminator(torch.tensor(real), torch.tensor(fake)).item()

    assert loss == pytest.approx(np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(), rel=1e-13)
    assert Hinge().generator(torch.tensor(fake), no_real).item() == pytest.approx(-fake.mean(), rel=1e-13)


def test_beyond_the_margin_there_is_nothing_to_learn():
    real = torch.tensor([1.5, 7.0], requires_grad=True)
    fake = torch.tensor([-1.5, -7.0], requires_grad=True)

    loss = Hinge().discriminator(real, fake)
    loss.backward()

    assert loss.item() == 0
    assert not real.grad.any() and not fake.grad.any()


@pytest.mark.parametrize("constant", [-1.0, 0.0, 0.3, 1.0])
def test_equilibrium_at_equal_distributions(constant: float):
    logits = torch.full((5,), constant)
    assert -Hinge().discriminator(logits, logits).item() == pytest.approx(Hinge.equilibrium)


def test_no_constant_is_better_at_equal_distributions():
    losses = [Hinge().discriminator(v, v).item() for v in torch.linspace(-3, 3, 61)]
    assert min(losses) == pytest.approx(-Hinge.equilibrium)
