from __future__ import annotations

import pytest
import torch
from torch import nn

from atelier.moment import Moment
from atelier.network.patchgan import PatchGAN
from atelier.regularizer.r1 import R1

MOMENT = Moment(seed=0, step=0)


def test_of_a_linear_critic_is_its_squared_weight(linear, images, judge):
    real, fake = (judge(linear, x) for x in images)

    terms = R1(gamma=6.0, interval=1)(linear, real, fake, MOMENT)

    expected = 3.0 * linear[1].weight.square().sum().item()
    assert list(terms) == ["r1"]
    assert terms["r1"].item() == pytest.approx(expected, rel=1e-12)


def test_of_a_quadratic_critic_at_the_reals(images, judge):
    """D(x) = ‖x‖² has the slope 2x."""
    norms = nn.Module()
    norms.forward = lambda x: x.square().sum((1, 2, 3))
    real, fake = (judge(norms, x) for x in images)

    penalty = R1(gamma=1.0, interval=4)(norms, real, fake, MOMENT)["r1"]

    torch.testing.assert_close(penalty, 4 * 0.5 * 4 * images[0].square().sum((1, 2, 3)).mean())


def test_its_gradient_reaches_the_weights_and_is_the_true_one(linear, images, judge):
    real, fake = (judge(linear, x) for x in images)

    R1(gamma=6.0, interval=1)(linear, real, fake, MOMENT)["r1"].backward()

    torch.testing.assert_close(linear[1].weight.grad, 6.0 * linear[1].weight.detach())
    assert linear[1].bias.grad is None or not linear[1].bias.grad.any()


def test_second_order_gradient_against_finite_differences(images, judge):
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Conv2d(3, 4, 2), nn.Softplus(), nn.Flatten(), nn.Linear(4, 1), nn.Flatten(0)).double()
    penalty = R1(gamma=1.0, interval=1)

    def at(weight: torch.Tensor) -> torch.Tensor:
        def bound(x: torch.Tensor) -> torch.Tensor:
            return torch.func.functional_call(critic, {"0.weight": weight}, (x,))

        return penalty(bound, judge(bound, images[0]), judge(bound, images[1]), MOMENT)["r1"]

    assert torch.autograd.gradcheck(at, critic[0].weight.detach().requires_grad_())


def test_follows_the_epoch(linear, images, judge):
    real, fake = (judge(linear, x) for x in images)
    r1 = R1(gamma=lambda epoch: epoch, interval=1)
    at_two, at_three = (r1(linear, real, fake, Moment(0, 0, epoch=e))["r1"] for e in (2.0, 3.0))
    torch.testing.assert_close(at_three / at_two, torch.tensor(1.5, dtype=torch.float64))


def test_slopes_are_taken_in_float32_under_autocast(images, judge):
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(12, 1), nn.Flatten(0))
    with torch.autocast("cpu", torch.bfloat16):
        real, fake = (judge(critic, x.float()) for x in images)
        penalty = R1(gamma=2.0, interval=1)(critic, real, fake, MOMENT)["r1"]
    penalty.backward()

    assert real.logits.dtype == torch.bfloat16 and penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx(critic[1].weight.square().sum().item(), rel=2e-2)
    assert critic[1].weight.grad is not None


def test_of_a_patch_critic_is_the_mean_over_patches_as_images_of_their_own(images, judge):
    """Patches of 4 pixels a side that share none: as if they were images, judged one by one."""
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Conv2d(3, 5, 4, stride=4), nn.Softplus(), nn.Conv2d(5, 1, 1)).double()
    whole = torch.rand(2, 3, 12, 20, dtype=torch.float64)
    patches = whole.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 4, 4)

    penalty, apart = (R1(6.0, 1)(critic, judge(critic, x), judge(critic, x), MOMENT)["r1"] for x in (whole, patches))

    torch.testing.assert_close(penalty, apart)


def test_of_a_patch_critic_does_not_grow_with_the_image(judge):
    torch.manual_seed(0)
    critic = PatchGAN(channels=3, width=8, layers=3, norm=None).double().eval()
    small, large = (torch.rand(2, 3, size, size, dtype=torch.float64) for size in (128, 512))

    penalties = [R1(6.0, 1)(critic, judge(critic, x), judge(critic, x), MOMENT)["r1"].item() for x in (small, large)]

    assert penalties[1] == pytest.approx(penalties[0], rel=0.25)
