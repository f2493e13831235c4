"""Convolutions with gradients of our own stand under penalties, which differentiate them twice."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from atelier.network.flat_conv import FlatConv2d
from atelier.network.winograd import WinogradConv2d


@pytest.mark.parametrize("layer", [FlatConv2d(2, 3, 3), FlatConv2d(2, 3, 3, padding=1), WinogradConv2d(2, 3)], ids=str)
def test_it_can_be_differentiated_twice(layer: nn.Conv2d) -> None:
    layer = layer.double()
    images = torch.randn(2, 2, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def convolved(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        made = torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (images,))
        assert isinstance(made, Tensor)
        assert type(made.grad_fn).__name__ in ("StripsBackward", "_FlatConvolutionBackward")  # not torch's own
        return made

    inputs = (images.to(memory_format=torch.channels_last).requires_grad_(), layer.weight, layer.bias)
    assert gradcheck(convolved, inputs)
    assert gradgradcheck(convolved, inputs)
