from __future__ import annotations

import math

import pytest
import torch

from atelier.objective.reconstruction import BCE, L1, L2, SSIM
from atelier.types import Mistake

MADE = torch.tensor([[[[0.5, 1.0], [0.0, 0.25]]], [[[1.0, 1.0], [1.0, 1.0]]]])
TARGET = torch.tensor([[[[0.0, 1.0], [0.0, 0.75]]], [[[0.0, 1.0], [1.0, 1.0]]]])


def test_sums_over_pixels_and_means_over_images() -> None:
    assert L2(1.0)(MADE, TARGET).item() == pytest.approx((0.25 + 0.25 + 1.0) / 2)
    assert L2(0.5)(MADE, TARGET).item() == pytest.approx((0.25 + 0.25 + 1.0) / 4)
    assert L1()(MADE, TARGET).item() == pytest.approx((0.5 + 0.5 + 1.0) / 2)


def test_cross_entropy_against_the_formula() -> None:
    made = torch.tensor([[[[0.2, 0.6]]]])
    target = torch.tensor([[[[0.5, 1.0]]]])
    expected = -(0.5 * math.log(0.2) + 0.5 * math.log(0.8)) - math.log(0.6)
    assert BCE()(made, target).item() == pytest.approx(expected, rel=1e-6)
    # Its least value is the target's entropy, reached by the target itself.
    assert BCE()(target, target).item() == pytest.approx(math.log(2), rel=1e-6)
    assert BCE()(MADE, TARGET).isfinite()


def test_dissimilarity_is_none_for_equal_images_and_grows_with_noise() -> None:
    target = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    losses = [SSIM()((target + scale * noise).clamp(0, 1), target).item() for scale in (0.0, 0.1, 0.5)]
    assert losses[0] == pytest.approx(0.0, abs=1e-4)
    assert losses[0] < losses[1] < losses[2] <= 16 * 16


@pytest.mark.parametrize("loss", [L2(1.0), L1(), BCE(), SSIM()])
def test_constant_images_give_finite_losses_and_gradients(loss) -> None:
    for level in (0.0, 0.5, 1.0):
        made = torch.full((2, 1, 12, 12), level, requires_grad=True)
        value = loss(made, torch.full((2, 1, 12, 12), level))
        value.backward()
        assert value.isfinite() and made.grad.isfinite().all()


def test_losses_are_taken_in_float32() -> None:
    made, target = torch.rand(2, 1, 8, 8).bfloat16(), torch.rand(2, 1, 8, 8)
    for loss in (L2(1.0), L1(), BCE(), SSIM()):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert loss(made, target).dtype == torch.float32


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(Mistake, match=r"reconstruction\.factor=0"):
        L2(0.0)
    with pytest.raises(Mistake, match="reconstruction=ssim"):
        SSIM()(torch.rand(1, 1, 4, 4), torch.rand(1, 1, 4, 4))
