from __future__ import annotations

import pytest
import torch

from atelier.objective.minimax import Minimax
from atelier.objective.non_saturating import NonSaturating


def no_real() -> torch.Tensor:
    raise AssertionError("the generator's loss must not ask for the reals' logits")


def test_discriminator_plays_minimax():
    real, fake = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(NonSaturating().discriminator(real, fake), Minimax().discriminator(real, fake))
    assert (NonSaturating.equilibrium, NonSaturating.boundary) == (Minimax.equilibrium, Minimax.boundary)


def test_generator_is_minus_log_d():
    fake = torch.linspace(-5, 5, 11, dtype=torch.float64)
    torch.testing.assert_close(NonSaturating().generator(fake, no_real), -fake.sigmoid().log().mean())


@pytest.mark.parametrize("logit", [-8.0, -1.0, 0.0, 1.0, 8.0])
def test_gradients_of_both_forms(logit: float):
    """Both push logits up: the literal form by D(G(z)), which dies for bad fakes, this one by 1 − D(G(z))."""
    fake = torch.tensor([logit], dtype=torch.float64, requires_grad=True)

    literal = torch.autograd.grad(Minimax().generator(fake, no_real), fake)[0]
    strong = torch.autograd.grad(NonSaturating().generator(fake, no_real), fake)[0]

    torch.testing.assert_close(literal, -fake.sigmoid())
    torch.testing.assert_close(strong, -(1 - fake.sigmoid()))
