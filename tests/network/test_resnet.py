from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from atelier.network.resnet import ResNetDiscriminator, ResNetGenerator, _Doubling, _halved
from atelier.types import Mistake

LABELS = torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize("size", [32, 64, 128])
def test_shapes(size: int, num_classes: int | None):
    with torch.device("meta"):
        images = ResNetGenerator(8, 3, size, width=4, num_classes=num_classes)(torch.empty(4, 8), LABELS.to("meta"))
        logits = ResNetDiscriminator(3, size, width=4, num_classes=num_classes)(images, LABELS.to("meta"))
    assert images.shape == (4, 3, size, size) and logits.shape == (4,)


def test_generator_of_the_papers_table_4():
    """32 px, width 256: dense to 4 × 4 × 256, three doubling blocks, BatchNorm, ReLU, convolution, tanh."""
    with torch.device("meta"):
        generator = ResNetGenerator(128, 3, 32, width=256)
    dense = 128 * 4096 + 4096
    block = 2 * 9 * 256**2 + 256 + (256**2 + 256) + 2 * 2 * 256  # two 3 × 3 (one bias), the shortcut, two norms
    last = 2 * 256 + 9 * 256 * 3 + 3
    assert sum(p.numel() for p in generator.parameters()) == dense + 3 * block + last


def test_discriminator_of_the_papers_table_4():
    """32 px, width 128: two halving blocks, two steady ones, ReLU, sum over the picture, dense."""
    with torch.device("meta"):
        discriminator = ResNetDiscriminator(3, 32, width=128)
    three, one = 9 * 128**2 + 128, 128**2 + 128
    opening = (9 * 3 * 128 + 128) + three + (3 * 128 + 128)
    expected = opening + (2 * three + one) + 2 * (2 * three) + 129
    assert sum(p.numel() for p in discriminator.parameters()) == expected


def test_widths_of_the_128_px_networks():
    with torch.device("meta"):
        generator, discriminator = ResNetGenerator(8, 3, 128, width=64), ResNetDiscriminator(3, 128, width=64)
        shapes: list[tuple[int, ...]] = []
        for block in [*generator.blocks, *discriminator.blocks[:-1]]:
            block.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:3])))
        discriminator(generator(torch.empty(2, 8)))
    assert shapes[:5] == [(1024, 8), (512, 16), (256, 32), (128, 64), (64, 128)]
    assert shapes[5:] == [(64, 64), (128, 32), (256, 16), (512, 8), (1024, 4), (1024, 4)]


def test_cheap_shortcuts_are_the_papers():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 6, 6)
    up = _Doubling(3, 5, None).shortcut
    torch.testing.assert_close(up(x), up[0](F.interpolate(x, scale_factor=2, mode="nearest")))
    down = _halved(3, 5)
    torch.testing.assert_close(down(x), F.avg_pool2d(down[1](x), 2))


def test_discriminator_has_no_normalisation_of_its_own():
    torch.manual_seed(0)
    discriminator = ResNetDiscriminator(1, 32, width=4)
    images = torch.randn(3, 1, 32, 32)
    torch.testing.assert_close(discriminator(images)[:1], discriminator(images[:1]))
    assert not any(isinstance(m, nn.BatchNorm2d) for m in discriminator.modules())


def test_images_and_gradients():
    torch.manual_seed(0)
    generator, discriminator = (
        ResNetGenerator(8, 1, 32, 4, num_classes=3),
        ResNetDiscriminator(1, 32, 4, num_classes=3),
    )
    images = generator(torch.randn(4, 8), LABELS)
    discriminator(images, LABELS).sum().backward()
    assert images.abs().max() <= 1
    assert all(p.grad is not None and p.grad.isfinite().all() for p in [*generator.parameters()])


def test_other_sizes_are_refused():
    for make in (lambda: ResNetGenerator(8, 1, 28, 4), lambda: ResNetDiscriminator(1, 28, 4)):
        with pytest.raises(Mistake, match=r"image_size=28: .*32, 64 or 128"):
            make()
