from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from atelier.network.instance_norm import InstanceNorm
from atelier.network.normalisation import keeps_bias
from atelier.types import Mistake


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("batch", [1, 3])
def test_it_is_torchs_forwards_and_backwards(batch: int, layout: torch.memory_format) -> None:
    """torch's own is the reference in the one layout in which it is right: contiguous."""
    chance = torch.Generator().manual_seed(0)
    x, gradient = torch.randn(2, batch, 6, 9, 8, generator=chance, dtype=torch.float64)
    theirs = x.clone().requires_grad_()
    expected = nn.InstanceNorm2d(6)(theirs)
    expected.backward(gradient)
    ours = x.clone().contiguous(memory_format=layout).requires_grad_()
    made = InstanceNorm(6)(ours)
    made.backward(gradient.contiguous(memory_format=layout))
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("trained", [False, True])
def test_pictures_of_little_contrast_keep_their_digits(trained: bool, layout: torch.memory_format) -> None:
    """With a mean of a hundred standard deviations torch's norm has two wrong digits in channels_last."""
    chance = torch.Generator().manual_seed(0)
    x = (10 + 0.1 * torch.randn(2, 8, 64, 64, generator=chance)).contiguous(memory_format=layout)
    gradient = torch.randn(2, 8, 64, 64, generator=chance)
    exact = x.double().contiguous().requires_grad_()
    expected = nn.InstanceNorm2d(8)(exact)
    expected.backward(gradient.double())
    ours = x.requires_grad_(trained)
    made = InstanceNorm(8)(ours)
    torch.testing.assert_close(made.double(), expected, rtol=0, atol=1e-4)
    if trained:
        made.backward(gradient)
        assert ours.grad is not None and exact.grad is not None
        torch.testing.assert_close(ours.grad.double(), exact.grad, rtol=0, atol=1e-3)  # of slopes around 10


def test_float32_gradients_in_every_layout_are_float64s() -> None:
    chance = torch.Generator().manual_seed(0)
    layer = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), InstanceNorm(16), nn.Conv2d(16, 4, 3)).double()
    images = torch.randn(1, 3, 16, 12, generator=chance, dtype=torch.float64)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, 0, 0.2, generator=chance)
    layer(images).square().sum().backward()
    expected = layer[0].weight.grad.clone()
    for layout in (torch.contiguous_format, torch.channels_last):
        layer = layer.float().to(memory_format=layout)
        layer.zero_grad()
        layer(images.float().contiguous(memory_format=layout)).square().sum().backward()
        torch.testing.assert_close(layer[0].weight.grad.double(), expected, rtol=1e-4, atol=1e-4)


LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "contiguous": torch.Tensor.contiguous,
    "channels_last": partial(torch.Tensor.contiguous, memory_format=torch.channels_last),
    "neither": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_penalty_on_its_gradient_has_the_right_gradient(layout: str) -> None:
    """WGAN-GP and R1 differentiate the backward pass: finite differences are the reference."""
    chance = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 4, 3, generator=chance, dtype=torch.float64)
    weighs = torch.randn(2, 3, 4, 3, generator=chance, dtype=torch.float64)
    layer = InstanceNorm(3)

    def judged(x: torch.Tensor) -> torch.Tensor:
        return (layer(LAYOUTS[layout](x * 1)).pow(3) * weighs).sum((1, 2, 3))

    assert torch.autograd.gradcheck(judged, images.requires_grad_())
    assert torch.autograd.gradgradcheck(judged, images)


def test_bfloat16_gradients_in_channels_last_are_as_near_as_in_the_plain_layout() -> None:
    chance = torch.Generator().manual_seed(0)
    x, gradient = torch.randn(2, 1, 8, 32, 32, generator=chance, dtype=torch.float64)
    x += 3  # as far from 0 as means of activations come
    true = x.clone().requires_grad_()
    InstanceNorm(8)(true).backward(gradient)
    errors = []
    for layout in (torch.contiguous_format, torch.channels_last):
        ours = x.bfloat16().contiguous(memory_format=layout).requires_grad_()
        InstanceNorm(8)(ours).backward(gradient.bfloat16().contiguous(memory_format=layout))
        errors.append((ours.grad - true.grad).norm() / true.grad.norm())
    assert errors[1] <= 1.05 * errors[0]


def test_it_has_no_state_and_flat_channels_become_zero() -> None:
    assert InstanceNorm(4).state_dict() == {}
    assert not InstanceNorm(4)(torch.full((1, 4, 2, 2), 3.0)).any()


def test_biases_stand_where_the_norm_has_none() -> None:
    assert keeps_bias(InstanceNorm) and keeps_bias(nn.Identity) and not keeps_bias(nn.BatchNorm2d)


def test_no_channels_are_refused() -> None:
    with pytest.raises(Mistake, match="channels=0"):
        InstanceNorm(0)
