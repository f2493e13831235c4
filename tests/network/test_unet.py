from __future__ import annotations

import pytest
import torch
from torch import nn

from atelier.network.instance_norm import InstanceNorm
from atelier.network.unet import UNetGenerator
from atelier.types import Mistake


def unet(**options: object) -> UNetGenerator:
    given = {"in_channels": 3, "out_channels": 1, "width": 2, "downs": 3, "norm": InstanceNorm}
    return UNetGenerator(**{**given, **options})


@pytest.mark.parametrize(
    ("downs", "height", "width"), [(2, 4, 8), (3, 8, 8), (3, 24, 16), (7, 128, 128), (8, 256, 256)]
)
def test_images_keep_their_size(downs: int, height: int, width: int) -> None:
    narrowest: list[tuple[int, ...]] = []
    network = unet(downs=downs)
    network.down[-1].register_forward_hook(lambda _module, _inputs, output: narrowest.append(tuple(output.shape[2:])))
    made = network(torch.rand(2, 3, height, width))
    assert made.shape == (2, 1, height, width) and made.abs().max() <= 1
    assert narrowest == [(height >> downs, width >> downs)]


def test_number_of_weights_of_the_published_networks() -> None:
    """The public implementation prints 41.829 M for unet_128 and 54.414 M for unet_256 (width 64, batch norm)."""
    for downs, millions in ((7, 41.829), (8, 54.414)):
        with torch.device("meta"):
            network = unet(width=64, downs=downs, out_channels=3, norm=nn.BatchNorm2d)
        assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=5e-4)


def test_bridges_carry_detail_past_the_narrowest_layer() -> None:
    network = unet(downs=4)
    nn.init.zeros_(network.up[0][1].weight)  # nothing comes out of the narrowest layer any more
    images = torch.rand(1, 3, 16, 16).requires_grad_()
    network(images).square().sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0


def test_an_image_does_not_depend_on_its_batch() -> None:
    torch.manual_seed(0)
    network = unet().double()
    images = torch.randn(2, 3, 16, 24, dtype=torch.float64)
    torch.testing.assert_close(network(images)[:1], network(images[:1]), rtol=1e-12, atol=1e-13)


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(Mistake, match=r"image_size=200: a U-Net of 7 halvings .* multiples of 128; try 256"):
        unet(downs=7, image_size=200)
    with pytest.raises(Mistake, match=r"image_size=12: .* multiples of 8; try 16"):
        unet()(torch.rand(1, 3, 8, 12))
    with pytest.raises(Mistake, match="downs=1"):
        unet(downs=1)
