"""The convolution to few channels is torch's own, to rounding, in value and in every gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from atelier.network.narrow import NarrowConv2d


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(7, 7), (9, 20), (33, 12)])
def test_the_same_function_and_gradients(outputs: int, height: int, width: int) -> None:
    layer = NarrowConv2d(5, outputs, 7).double()
    images = torch.randn(2, 5, height, width, dtype=torch.float64, requires_grad=True)
    weighs = torch.randn(2, outputs, height - 6, width - 6, dtype=torch.float64)
    wanted = [images, layer.weight, layer.bias]

    ours, plain = layer(images), F.conv2d(images, layer.weight, layer.bias)

    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)
    mine, theirs = (torch.autograd.grad((made * weighs).sum(), wanted) for made in (ours, plain))
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


def test_weights_are_those_of_a_plain_convolution() -> None:
    plain = nn.Conv2d(4, 3, 5)
    layer = NarrowConv2d(4, 3, 5)
    layer.load_state_dict(plain.state_dict())
    images = torch.randn(1, 4, 16, 11)
    torch.testing.assert_close(layer(images), plain(images))


def test_under_autocast_no_worse_than_the_plain_convolution() -> None:
    layer, images = NarrowConv2d(64, 3, 7), torch.randn(1, 64, 20, 20)
    true = F.conv2d(images.double(), layer.weight.double(), layer.bias.double())
    with torch.autocast("cpu", torch.bfloat16):
        ours, plain = layer(images), F.conv2d(images, layer.weight, layer.bias)
    assert ours.dtype == plain.dtype == torch.bfloat16
    assert (ours - true).norm() < 1.5 * (plain - true).norm()


def test_an_exported_graph_holds_the_plain_convolution() -> None:
    graph = torch.export.export(NarrowConv2d(4, 3, 7), (torch.randn(1, 4, 16, 16),)).graph
    called = [str(node.target) for node in graph.nodes if node.op == "call_function"]
    assert len(called) == 1 and "conv2d" in called[0]
