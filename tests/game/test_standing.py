"""Statistics of BatchNorms against those of all that entered them at once."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from atelier.game.standing import stand


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5)).eval()


def _images(count: int) -> Tensor:
    return 4 + torch.randn(count, 3, 9, 9, generator=torch.Generator().manual_seed(1))


def test_one_pass_gives_the_moments_of_what_enters_each_layer() -> None:
    network, x = _network(), _images(40)
    stand(network, [(x,)])
    for place in (1, 4):
        layer = network[place]
        entering = network[:place](x).double()
        assert torch.allclose(layer.running_mean.double(), entering.mean((0, 2, 3)), atol=1e-5)
        assert torch.allclose(layer.running_var.double(), entering.var((0, 2, 3)), rtol=1e-5)


def test_the_first_layers_moments_do_not_depend_on_the_cut_into_passes() -> None:
    whole, parts = _network(), _network()
    stand(whole, [(_images(40),)])
    stand(parts, [(part,) for part in _images(40).split([1, 7, 24, 8])])
    for name in ("running_mean", "running_var"):
        assert torch.allclose(getattr(whole[1], name), getattr(parts[1], name), rtol=1e-5)


def test_what_a_batchnorm_gives_has_mean_0_and_variance_1() -> None:
    network = _network()
    network[4].running_mean.fill_(30.0)  # what was remembered before does not count
    stand(network, [(part,) for part in _images(256).split(32)])
    made = network(_images(256))
    assert torch.allclose(made.mean((0, 2, 3)), torch.zeros(5), atol=0.02)
    assert torch.allclose(made.var((0, 2, 3)), torch.ones(5), atol=0.05)


def test_nothing_is_asked_for_where_no_layer_remembers() -> None:
    def never() -> Iterator[tuple[Tensor]]:
        pytest.fail("asked for")
        yield (torch.empty(0),)

    stand(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4), nn.BatchNorm2d(4, track_running_stats=False)), never()
    )


def test_hooks_are_gone_and_modes_are_as_they_were_after_a_failure() -> None:
    network = _network()
    with pytest.raises(RuntimeError):
        stand(network, [(torch.zeros(2, 7, 9, 9),)])
    remembered = network[1].running_mean.clone()
    network(_images(3))
    assert torch.equal(network[1].running_mean, remembered)
    assert not network.training
