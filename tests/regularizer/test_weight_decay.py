from __future__ import annotations

import torch
from torch import nn

from atelier.network.mlp_autoencoder import MLPAutoencoder
from atelier.regularizer.weight_decay import half_square


def test_weights_alone_decay() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    value = half_square(network)
    value.backward()
    expected = 0.5 * (network[0].weight.square().sum() + network[2].weight.square().sum())
    torch.testing.assert_close(value, expected)
    for layer in (network[0], network[2]):
        torch.testing.assert_close(layer.weight.grad, layer.weight.detach())
        assert layer.bias.grad is None
    assert network[1].weight.grad is None


def test_a_tied_weight_counts_once() -> None:
    options = {"channels": 1, "image_size": 4, "units": 3, "hidden": [], "code": nn.Sigmoid(), "output": nn.Sigmoid()}
    tied = MLPAutoencoder(**options, tied=True)
    torch.testing.assert_close(half_square(tied), 0.5 * tied.filters()["encoder"].square().sum())
