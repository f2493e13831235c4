from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from atelier.network.code import TopK
from atelier.network.conv_autoencoder import ConvAutoencoder
from atelier.network.mlp_autoencoder import MLPAutoencoder
from atelier.network.tied import Transposed
from atelier.types import Mistake


def mlp(**options: object) -> MLPAutoencoder:
    given = {"channels": 1, "image_size": 6, "units": 4, "hidden": [12], "code": nn.Identity(), "output": nn.Sigmoid()}
    return MLPAutoencoder(**{**given, **options})


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("hidden", [[], [12], [12, 8]])
@pytest.mark.parametrize("channels", [1, 3])
def test_fully_connected_shapes_and_range(hidden: list[int], channels: int, tied: bool) -> None:
    network = mlp(hidden=hidden, channels=channels, tied=tied)
    levels = torch.rand(5, channels, 6, 6)
    codes = network.encode(levels)
    assert codes.shape == (5, 4)
    made = network.decode(codes)
    assert made.shape == levels.shape and made.min() >= 0 and made.max() <= 1
    width = hidden[0] if hidden else 4
    assert {name: tuple(w.shape) for name, w in network.filters().items()} == {
        "encoder": (width, channels, 6, 6),
        "decoder": (width, channels, 6, 6),
    }


@pytest.mark.parametrize("size", [5, 8, 28, 33])
@pytest.mark.parametrize("halvings", [1, 2, 3])
def test_convolutional_shapes_for_any_size(size: int, halvings: int) -> None:
    network = ConvAutoencoder(
        channels=3, image_size=size, units=7, width=4, halvings=halvings, code=nn.Identity(), output=nn.Sigmoid()
    )
    levels = torch.rand(2, 3, size, size)
    codes = network.encode(levels)
    assert codes.shape == (2, 7) and network.decode(codes).shape == levels.shape
    assert {tuple(w.shape) for w in network.filters().values()} == {(4, 3, 3, 3)}
    assert len(network.state_dict()) == 2 * (2 * halvings + 2)  # every weight once


def test_an_images_code_does_not_depend_on_its_batch() -> None:
    network = ConvAutoencoder(
        channels=1, image_size=8, units=3, width=4, halvings=2, code=nn.Identity(), output=nn.Sigmoid()
    )
    levels = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(network.encode(levels)[:1], network.encode(levels[:1]))


def test_tied_layers_are_the_transposed_ones() -> None:
    forwards = [nn.Linear(6, 4), nn.Linear(4, 2)]
    backwards = Transposed(forwards, nn.ReLU())
    for bias in backwards.biases:
        nn.init.normal_(bias)
    x = torch.randn(3, 2)
    by_hand = (x @ forwards[1].weight + backwards.biases[0]).relu() @ forwards[0].weight + backwards.biases[1]
    torch.testing.assert_close(backwards(x), by_hand)
    assert [tuple(bias.shape) for bias in backwards.biases] == [(4,), (6,)]


def test_tied_weights_are_held_once_and_survive_a_copy_and_a_load() -> None:
    network = mlp(tied=True, hidden=[])
    assert [name for name in network.state_dict() if name.endswith("weight")] == ["encoder.1.weight"]
    for other in (copy.deepcopy(network), mlp(tied=True, hidden=[])):
        other.load_state_dict({name: torch.randn_like(value) for name, value in network.state_dict().items()})
        looks, draws = other.filters().values()
        assert torch.equal(looks, draws) and not torch.equal(looks, network.filters()["encoder"])
        code = torch.zeros(1, 4)
        code[0, 2] = 1.0
        drawn = other.decoder[0](code) - other.decoder[0](torch.zeros(1, 4))
        torch.testing.assert_close(drawn[0], other.get_parameter("encoder.1.weight")[2])


def test_both_sides_teach_a_tied_weight() -> None:
    network = mlp(tied=True, hidden=[])
    levels = torch.rand(3, 1, 6, 6)
    network.decode(network.encode(levels).detach()).sum().backward()
    by_decoder = network.get_parameter("encoder.1.weight").grad.clone()
    network.zero_grad()
    network.encode(levels).sum().backward()
    by_encoder = network.get_parameter("encoder.1.weight").grad
    assert by_decoder.abs().sum() > 0 and by_encoder.abs().sum() > 0


def test_the_center_is_made_up_for_by_biases() -> None:
    plain, centered = mlp(), mlp(center=0.5)
    centered.load_state_dict(plain.state_dict())
    layer = centered.encoder[1]
    with torch.no_grad():
        layer.bias += 0.5 * layer.weight.sum(1)
    levels = torch.rand(3, 1, 6, 6)
    torch.testing.assert_close(centered.encode(levels), plain.encode(levels))


def test_top_k_keeps_the_largest_and_teaches_them_alone() -> None:
    activations = torch.tensor([[3.0, -1.0, 2.0, 0.5], [-4.0, -3.0, -2.0, -1.0]], requires_grad=True)
    code = TopK(2)(activations)
    assert code.tolist() == [[3.0, 0.0, 2.0, 0.0], [0.0, 0.0, -2.0, -1.0]]
    code.sum().backward()
    assert activations.grad.tolist() == [[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    assert torch.equal(TopK(9)(activations), activations)
    with pytest.raises(Mistake, match=r"code\.k=0"):
        TopK(0)


def test_sizes_are_refused_by_name() -> None:
    with pytest.raises(Mistake, match="units=0"):
        mlp(units=0)
    with pytest.raises(Mistake, match=r"hidden\[1\]=-3"):
        mlp(hidden=[4, -3])
