from __future__ import annotations

import pytest
import torch
from torch import nn

from atelier.network.instance_norm import InstanceNorm
from atelier.network.resnet_generator import ResnetGenerator
from atelier.types import Mistake


def generator(**options: object) -> ResnetGenerator:
    given = {"in_channels": 3, "out_channels": 3, "width": 4, "blocks": 2, "norm": InstanceNorm}
    return ResnetGenerator(**{**given, "upsample": "transposed", **options})


@pytest.mark.parametrize("upsample", ["transposed", "resize"])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 20), (64, 32)])
def test_images_keep_their_size(height: int, width: int, upsample: str) -> None:
    made = generator(upsample=upsample, out_channels=1)(torch.rand(2, 3, height, width))
    assert made.shape == (2, 1, height, width) and made.abs().max() <= 1


def test_number_of_weights_of_the_published_networks() -> None:
    """The public implementation prints 11.378 M for resnet_9blocks and 7.838 M for resnet_6blocks at width 64."""
    for blocks, millions in ((9, 11.378), (6, 7.838)):
        with torch.device("meta"):
            network = generator(width=64, blocks=blocks)
        assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=5e-4)


@pytest.mark.parametrize("upsample", ["transposed", "resize"])
def test_an_image_does_not_depend_on_its_batch(upsample: str) -> None:
    torch.manual_seed(0)
    network = generator(upsample=upsample).double()
    images = torch.randn(2, 3, 16, 24, dtype=torch.float64)
    together = network(images)
    torch.testing.assert_close(together, torch.cat([network(images[:1]), network(images[1:])]), rtol=1e-12, atol=1e-13)


def test_a_resize_convolution_leaves_no_checkerboard() -> None:
    """Of a constant a transposed convolution makes neighbours that differ; a resize-convolution does not."""
    torch.manual_seed(0)
    spread = {}
    for kind in ("transposed", "resize"):
        doubling = generator(upsample=kind).layers[12]
        spread[kind] = doubling(torch.ones(1, 16, 6, 6))[..., 2:-2, 2:-2].std((2, 3)).max().item()
    assert spread["resize"] < 1e-6 and spread["transposed"] > 1e-2


@pytest.mark.parametrize(("norm", "bias"), [(InstanceNorm, True), (nn.BatchNorm2d, False)])
def test_biases_as_in_the_public_implementation(norm: type[nn.Module], bias: bool) -> None:
    *inside, last = [m for m in generator(norm=norm).modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert all((layer.bias is not None) == bias for layer in inside) and last.bias is not None


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(Mistake, match=r"image_size=30: .* multiples of 4; try 32"):
        generator(image_size=30)
    with pytest.raises(Mistake, match=r"image_size=18: .* try 20"):
        generator()(torch.rand(1, 3, 16, 18))
    with pytest.raises(Mistake, match=r"image_size=4: .* at least 8 px"):
        generator()(torch.rand(1, 3, 4, 8))
    assert [generator().sides.at_least(side) for side in (1, 8, 9, 250)] == [8, 8, 12, 252]


def test_unknown_doublings_are_refused() -> None:
    with pytest.raises(Mistake, match="upsample=shuffle"):
        generator(upsample="shuffle")
