from __future__ import annotations

import pytest
import torch

from atelier.objective.wasserstein import Wasserstein


def no_real() -> torch.Tensor:
    raise AssertionError("the generator's loss must not ask for the reals' logits")


def test_identity_critic_measures_how_far_two_clouds_on_a_line_are_apart():
    """x ↦ x is 1-Lipschitz and the best critic of a shift: minus the loss is the Wasserstein-1 distance."""
    cloud = torch.randn(100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert -Wasserstein().discriminator(cloud + 3, cloud).item() == pytest.approx(3)


def test_equal_distributions_are_no_distance_apart():
    values = torch.arange(5.0)
    assert Wasserstein().discriminator(values, values.flip(0)).item() == Wasserstein.equilibrium == 0
    assert Wasserstein.boundary is None


def test_generator_raises_the_values_of_fakes():
    fake = torch.arange(4.0, requires_grad=True)
    loss = Wasserstein().generator(fake, no_real)
    assert loss.item() == -1.5
    assert torch.equal(torch.autograd.grad(loss, fake)[0], torch.full((4,), -0.25))
