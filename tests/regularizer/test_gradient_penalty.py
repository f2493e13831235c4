from __future__ import annotations

import pytest
import torch
from torch import nn

from atelier.moment import Moment
from atelier.regularizer.gradient_penalty import GradientPenalty

MOMENT = Moment(seed=0, step=0)


def test_of_a_linear_critic(linear, images, judge):
    real, fake = (judge(linear, x) for x in images)

    terms = GradientPenalty(weight=10.0, interval=1)(linear, real, fake, MOMENT)

    norm = linear[1].weight.norm().item()
    assert terms["gradient_penalty"].item() == pytest.approx(10 * (norm - 1) ** 2, rel=1e-12)


def test_its_gradient_is_the_true_one(linear, images, judge):
    real, fake = (judge(linear, x) for x in images)

    GradientPenalty(weight=10.0, interval=1)(linear, real, fake, MOMENT)["gradient_penalty"].backward()

    weight = linear[1].weight
    torch.testing.assert_close(weight.grad, 20 * (weight.norm() - 1) * weight.detach() / weight.norm())


def test_looks_between_each_real_and_its_fake(images, judge):
    """x̂ lies on its own pair's line, one uniform share per image, and is not a training image's leaf."""
    seen = []

    def critic(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return x.square().sum((1, 2, 3))

    real, fake = (judge(critic, x) for x in images)
    GradientPenalty(weight=1.0, interval=1)(critic, real, fake, MOMENT)

    share = (seen[-1] - images[0]) / (images[1] - images[0])
    per_image = share.flatten(1)
    torch.testing.assert_close(per_image, per_image[:, :1].expand_as(per_image))
    drawn = MOMENT.uniform("interpolation", 5, 1, 1, 1).flatten().double()
    torch.testing.assert_close(per_image[:, 0], drawn)
    assert real.images.grad is None and fake.images.grad is None


def test_chance_is_the_moments(images, judge):
    def critic(x: torch.Tensor) -> torch.Tensor:
        return x.square().sum((1, 2, 3))

    real, fake = (judge(critic, x) for x in images)
    penalty = GradientPenalty(weight=1.0, interval=1)
    values = [penalty(critic, real, fake, Moment(0, step))["gradient_penalty"].item() for step in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_of_a_flat_critic_has_finite_gradients(images, judge):
    """‖·‖ has no derivative at 0; a critic that begins flat must not give NaN."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(12, 1), nn.Flatten(0)).double()
    nn.init.zeros_(critic[1].weight)
    real, fake = (judge(critic, x) for x in images)

    penalty = GradientPenalty(weight=1.0, interval=1)(critic, real, fake, MOMENT)["gradient_penalty"]
    penalty.backward()

    assert penalty.item() == 1 and critic[1].weight.grad.isfinite().all()


def test_its_own_forward_pass_leaves_autocast(images, judge):
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(12, 1), nn.Flatten(0))
    with torch.autocast("cpu", torch.bfloat16):
        real, fake = (judge(critic, x.float()) for x in images)
        penalty = GradientPenalty(weight=1.0, interval=1)(critic, real, fake, MOMENT)["gradient_penalty"]

    assert penalty.item() == pytest.approx((critic[1].weight.norm().item() - 1) ** 2, rel=1e-5)
