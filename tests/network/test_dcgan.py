from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from atelier.network.conditional import ConditionalBatchNorm2d
from atelier.network.dcgan import DCGANDiscriminator, DCGANGenerator
from atelier.network.init import Normal
from atelier.network.resnet import ResNetDiscriminator, ResNetGenerator
from atelier.types import Mistake

LABELS = torch.tensor([0, 1, 2, 0])


def layers(network: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, kind)]


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_generator_is_the_papers_figure():
    """Radford et al. 2016, figure 1: 100 → 4 × 4 × 1024 → 8² × 512 → 16² × 256 → 32² × 128 → 64² × 3."""
    with torch.device("meta"):
        generator = DCGANGenerator(100, 3, 64, width=128)
        shapes = []
        for layer in layers(generator, nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
        generator(torch.empty(2, 100))
    assert shapes == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]


def test_number_of_parameters_at_64_px_and_width_64():
    """4 × 4 kernels, two numbers per BatchNorm channel, biases only where no BatchNorm follows."""
    with torch.device("meta"):
        generator = DCGANGenerator(100, 3, 64, width=64)
        discriminator = DCGANDiscriminator(3, 64, width=64, norm=nn.BatchNorm2d)
    g_channels, d_channels = (100, 512, 256, 128, 64, 3), (3, 64, 128, 256, 512, 1)
    for network, channels, biases in ((generator, g_channels, 3), (discriminator, d_channels, 64 + 1)):
        kernels = sum(16 * before * after for before, after in pairwise(channels))
        normed = channels[1:-1] if network is generator else channels[2:-1]
        assert count(network) == kernels + 2 * sum(normed) + biases


@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize("size", [28, 32, 48, 64, 96, 112, 128])
def test_sizes(size: int, num_classes: int | None):
    with torch.device("meta"):
        generator = DCGANGenerator(10, 1, size, width=4, num_classes=num_classes)
        discriminator = DCGANDiscriminator(1, size, width=4, norm=nn.BatchNorm2d, num_classes=num_classes)
        images = generator(torch.empty(4, 10), LABELS.to("meta"))
        assert images.shape == (4, 1, size, size)
        assert discriminator(images, LABELS.to("meta")).shape == (4,)


@pytest.mark.parametrize(
    ("size", "nearest"), [(30, "28 or 32"), (8, "is 16"), (100, "96 or 112"), (1, "is 16"), (500, "is 224")]
)
def test_other_sizes_are_refused_with_the_nearest(size: int, nearest: str):
    for make in (lambda: DCGANGenerator(10, 1, size, 8), lambda: DCGANDiscriminator(1, size, 8, None)):
        with pytest.raises(Mistake, match=f"image_size={size}: .*{nearest}$"):
            make()


def test_no_norm_at_the_ends_and_no_bias_in_front_of_one():
    generator = DCGANGenerator(10, 3, 32, width=4)
    discriminator = DCGANDiscriminator(3, 32, width=4, norm=nn.BatchNorm2d)

    assert [conv.bias is not None for conv in layers(generator, nn.ConvTranspose2d)] == [False] * 3 + [True]
    assert [conv.bias is not None for conv in layers(discriminator, nn.Conv2d)] == [True, False, False]
    assert len(layers(generator, nn.BatchNorm2d)) == 3
    assert len(layers(discriminator, nn.BatchNorm2d)) == 2
    assert {layer.negative_slope for layer in layers(discriminator, nn.LeakyReLU)} == {0.2}


def test_without_norm_every_layer_has_its_bias_and_images_do_not_meet():
    torch.manual_seed(0)
    discriminator = DCGANDiscriminator(1, 28, width=4, norm=None)
    assert all(conv.bias is not None for conv in layers(discriminator, nn.Conv2d))
    images = torch.randn(3, 1, 28, 28)
    torch.testing.assert_close(discriminator(images)[:1], discriminator(images[:1]))


def test_last_layer_is_the_papers_convolution():
    """A linear layer on the flattened square is a convolution with a kernel as large as the square."""
    torch.manual_seed(0)
    discriminator = DCGANDiscriminator(1, 32, width=4, norm=None)
    images = torch.randn(3, 1, 32, 32)
    features = discriminator.layers[:-1](images)
    head = discriminator.head.linear
    logits = nn.functional.conv2d(features, head.weight.view(1, *features.shape[1:]), head.bias)
    torch.testing.assert_close(discriminator(images), logits.flatten())


def test_first_images_are_grey_with_some_life():
    """With the paper's start nothing explodes and nothing is dead."""
    torch.manual_seed(0)
    generator = DCGANGenerator(100, 1, 32, width=32)
    Normal(0.02)(generator)
    images = generator(2 * torch.rand(64, 100) - 1)
    assert images.mean().abs() < 0.1 and 0.01 < images.std() < 0.6
    assert images.std(0).mean() > 0.01, "different latents, different images"


def test_labels_enter_by_conditional_norm_and_projection():
    torch.manual_seed(0)
    generator = DCGANGenerator(10, 1, 28, width=4, num_classes=3).eval()
    for module in generator.modules():
        if isinstance(module, ConditionalBatchNorm2d):
            nn.init.normal_(module.gain, 1.0, 0.5)
    images = generator(torch.randn(1, 10).expand(4, -1), LABELS)
    torch.testing.assert_close(images[0], images[3])
    assert not torch.allclose(images[0], images[1])
    with pytest.raises(AssertionError, match="labels"):
        generator(torch.randn(4, 10))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize(
    ("make_generator", "make_discriminator"),
    [(DCGANGenerator, partial(DCGANDiscriminator, norm=nn.BatchNorm2d)), (ResNetGenerator, ResNetDiscriminator)],
)
def test_channels_lie_side_by_side_on_the_processor(
    make_generator, make_discriminator, num_classes: int | None, channels: int
):
    labels = None if num_classes is None else torch.tensor([0, 2])
    generator = make_generator(10, channels, 32, width=4, num_classes=num_classes)
    discriminator = make_discriminator(channels, 32, width=4, num_classes=num_classes)
    seen: list[Tensor] = []
    for layer in [*generator.modules(), *discriminator.modules()]:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    fake = generator(torch.randn(2, 10), labels)
    judged = len(seen)
    discriminator(torch.randn_like(fake).contiguous(), labels)
    assert 3 < judged < len(seen)
    assert all(images.stride(1) == 1 and images.stride(3) == images.shape[1] for images in seen)
