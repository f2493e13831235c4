"""Networks that forget their inside compute the same with less in memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from atelier.network.instance_norm import InstanceNorm
from atelier.network.normalisation import Norm
from atelier.network.recompute import forget
from atelier.network.resnet_generator import ResnetGenerator
from atelier.network.unet import UNetGenerator

Make = Callable[[Norm], nn.Module]

GENERATORS: dict[str, Make] = {
    "resnet": lambda norm: ResnetGenerator(
        in_channels=3, out_channels=3, width=4, blocks=3, norm=norm, upsample="transposed"
    ),
    "unet": lambda norm: UNetGenerator(in_channels=3, out_channels=3, width=4, downs=4, norm=norm),
}
NORMS: dict[str, Norm] = {"instance": InstanceNorm, "batch": partial(nn.BatchNorm2d)}


def pair(make: Make, norm: Norm) -> tuple[nn.Module, nn.Module]:
    """A generator in float64, and its copy that forgets."""
    torch.manual_seed(0)
    network = make(norm).double()
    thrifty = copy.deepcopy(network)
    assert len(forget(thrifty)) >= 3
    return network, thrifty


def images(side: int = 32) -> Tensor:
    return torch.randn(2, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def saved(network: nn.Module) -> int:
    """The numbers that the backward pass finds in memory, weights aside."""
    known = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in known:
            found[place] = tensor.untyped_storage().nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        made = network(images())
    assert made.requires_grad
    return sum(found.values())


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", GENERATORS)
def test_results_gradients_and_statistics_are_the_same(name: str, norm: str) -> None:
    network, thrifty = pair(GENERATORS[name], NORMS[norm])
    one, other = images().requires_grad_(), images().requires_grad_()
    for seen, player in ((one, network), (other, thrifty)):
        player(seen).square().mean().backward()
    torch.testing.assert_close(other.grad, one.grad, rtol=0, atol=1e-12)
    for mine, theirs in zip(thrifty.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=0, atol=1e-12)
    assert thrifty.state_dict().keys() == network.state_dict().keys()
    for name_, value in network.state_dict().items():
        torch.testing.assert_close(thrifty.state_dict()[name_], value, rtol=0, atol=0)


def test_a_gradient_can_be_differentiated_again() -> None:
    network, thrifty = pair(GENERATORS["resnet"], InstanceNorm)
    found = []
    for player in (network, thrifty):
        seen = images(8).requires_grad_()
        (slope,) = torch.autograd.grad(player(seen).sum(), seen, create_graph=True)
        slope.square().sum().backward()
        found.append(torch.cat([weight.grad.flatten() for weight in player.parameters() if weight.grad is not None]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", GENERATORS)
def test_less_is_kept_for_the_backward_pass(name: str) -> None:
    network, thrifty = pair(GENERATORS[name], InstanceNorm)
    assert saved(thrifty) < 0.7 * saved(network)


def test_of_a_residual_block_its_input_is_kept() -> None:
    """Every further block costs one image of features, where it cost several."""

    def grows(thrifty: bool) -> float:
        sizes = []
        for blocks in (2, 5):
            network = ResnetGenerator(
                in_channels=3, out_channels=3, width=4, blocks=blocks, norm=InstanceNorm, upsample="transposed"
            ).double()
            if thrifty:
                forget(network)
            sizes.append(saved(network))
        return (sizes[1] - sizes[0]) / 3

    features = 2 * 16 * 8 * 8
    assert grows(thrifty=True) == features
    assert grows(thrifty=False) > 4 * features
