from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from atelier.objective.relativistic import Relativistic


def test_against_numpy():
    random = np.random.default_rng(3)
    real, fake = random.normal(size=30), random.normal(size=30)
    tensors = torch.tensor(real), torch.tensor(fake)

    loss = Relativistic().discriminator(*tensors).item()

    assert loss == pytest.approx(np.log1p(np.exp(-(real - fake))).mean(), rel=1e-13)
    loss = Relativistic().generator(tensors[1], lambda: tensors[0]).item()
    assert loss == pytest.approx(np.log1p(np.exp(-(fake - real))).mean(), rel=1e-13)


def test_players_are_mirrors():
    real, fake = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Relativistic().generator(fake, lambda: real), Relativistic().discriminator(fake, real))


def test_only_differences_count():
    real, fake = torch.randn(2, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shifted = Relativistic().discriminator(real + 5, fake + 5)
    torch.testing.assert_close(shifted, Relativistic().discriminator(real, fake))


def test_equal_logits_cost_log_two():
    logits = torch.arange(4.0)
    loss = Relativistic().discriminator(logits, logits).item()
    assert loss == pytest.approx(math.log(2))
    assert -loss == pytest.approx(Relativistic.equilibrium)


def test_no_discriminator_beats_a_constant_at_equal_distributions():
    """Over all pairs of two points: by convexity a gap costs one order more than it earns the other."""
    for gap in torch.linspace(-2, 2, 21):
        real, fake = torch.tensor([0, 0, gap, gap]), torch.tensor([0, gap, 0, gap])
        assert Relativistic().discriminator(real, fake).item() >= -Relativistic.equilibrium - 1e-7
