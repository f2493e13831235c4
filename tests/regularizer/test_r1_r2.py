from __future__ import annotations

import pytest
import torch
from torch import nn

from atelier.moment import Moment
from atelier.regularizer.r1 import R1
from atelier.regularizer.r1_r2 import R1R2

MOMENT = Moment(seed=0, step=0)


@pytest.fixture
def critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.Softplus(), nn.Linear(6, 1), nn.Flatten(0)).double()


def test_is_r1_at_the_reals_and_the_same_at_the_fakes(critic, images, judge):
    real, fake = (judge(critic, x) for x in images)

    both = R1R2(gamma=0.5, interval=3)(critic, real, fake, MOMENT)

    one = R1(gamma=0.5, interval=3)
    torch.testing.assert_close(both["r1"], one(critic, real, fake, MOMENT)["r1"])
    torch.testing.assert_close(both["r2"], one(critic, fake, real, MOMENT)["r1"])
    assert both["r1"].item() != pytest.approx(both["r2"].item())


def test_both_terms_descend_together_with_the_objective(critic, images, judge):
    """One backward pass through all terms, as the discriminator's turn makes it."""
    real, fake = (judge(critic, x) for x in images)
    terms = R1R2(gamma=0.5, interval=1)(critic, real, fake, MOMENT)

    (terms["r1"] + terms["r2"] + real.logits.mean()).backward()

    assert all(p.grad is not None and p.grad.isfinite().all() for p in critic.parameters())


def test_of_a_linear_critic_is_twice_r1(linear, images, judge):
    real, fake = (judge(linear, x) for x in images)
    total = sum(R1R2(gamma=1.0, interval=1)(linear, real, fake, MOMENT).values())
    assert total.item() == pytest.approx(linear[1].weight.square().sum().item(), rel=1e-12)
