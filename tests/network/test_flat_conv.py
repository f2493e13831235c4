"""The convolution whose weights learn by matrix products is torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from atelier.network.flat_conv import FlatConv2d


def swift(*shape: int) -> Tensor:
    images = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return images.to(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("side", "padding"), [(3, 0), (3, 1), (4, 1), (1, 0)])
def test_results_and_gradients_are_those_of_torch(side: int, padding: int, bias: bool) -> None:
    ours = FlatConv2d(3, 5, side, padding=padding, bias=bias).double()
    theirs = nn.Conv2d(3, 5, side, padding=padding, bias=bias).double()
    theirs.load_state_dict(ours.state_dict())
    images, plain = swift(2, 3, 7, 6), swift(2, 3, 7, 6).detach().contiguous().requires_grad_()
    made, expected = ours(images), theirs(plain)
    assert "FlatConvolution" in type(made.grad_fn).__name__  # the way that is tested
    torch.testing.assert_close(made, expected, rtol=1e-12, atol=1e-12)
    weights = torch.randn(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (made * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(images.grad, plain.grad, rtol=1e-12, atol=1e-12)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-12, atol=1e-12)


def test_under_autocast_it_is_torchs() -> None:
    layer, images = FlatConv2d(3, 5, 3), swift(2, 3, 6, 6).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made = layer(images)
    assert made.dtype == torch.bfloat16
    made.float().sum().backward()
    assert layer.weight.grad is not None


def test_frozen_weights_cost_nothing() -> None:
    layer = FlatConv2d(3, 5, 3).double().requires_grad_(False)
    images = swift(2, 3, 6, 6)
    layer(images).sum().backward()
    assert layer.weight.grad is None
    assert images.grad is not None
