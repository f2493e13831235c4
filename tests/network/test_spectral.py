from __future__ import annotations

import torch
from torch import nn

from atelier.network.spectral import spectral


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 4, 4), nn.BatchNorm2d(4), nn.Linear(20, 10))


def largest(layer: nn.Module) -> float:
    weight = layer.weight.detach()
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return torch.linalg.matrix_norm(weight.flatten(1), 2).item()


def test_largest_singular_values_become_one():
    net = spectral(nn.ModuleList([*network(), nn.Embedding(5, 10)]))
    layers = [net[0], net[1], net[3], net[4]]
    for layer in layers:
        nn.init.normal_(layer.parametrizations.weight.original, std=3.0)
        for _ in range(100):
            _ = layer.weight
        assert abs(largest(layer) - 1) < 1e-3


def test_changes_in_place_and_once():
    net = network()
    assert spectral(spectral(net)) is net
    assert [len(m.parametrizations.weight) for m in (net[0], net[1], net[3])] == [1, 1, 1]
    assert not hasattr(net[2], "parametrizations")


def test_evaluation_leaves_the_vectors_alone():
    layer = spectral(nn.Linear(20, 10)).eval()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    layer(torch.randn(3, 20))
    assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())


def test_gradients_reach_the_raw_weight():
    layer = spectral(nn.Linear(20, 10))
    layer(torch.randn(3, 20)).square().sum().backward()
    grad = layer.parametrizations.weight.original.grad
    # W/σ(W) does not change when W grows: its gradient is orthogonal to W.
    raw = layer.parametrizations.weight.original.detach()
    assert grad.norm() > 0
    assert abs((grad * raw).sum() / (grad.norm() * raw.norm())) < 1e-4
