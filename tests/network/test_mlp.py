from __future__ import annotations

import pytest
import torch
from torch import nn

from atelier.network.mlp import MLPDiscriminator, MLPGenerator
from atelier.types import Mistake

LABELS = torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize(("channels", "size"), [(2, 1), (1, 28), (3, 8)])
def test_shapes_and_range(channels: int, size: int, num_classes: int | None):
    torch.manual_seed(0)
    generator = MLPGenerator(5, channels, size, width=16, depth=2, num_classes=num_classes)
    discriminator = MLPDiscriminator(channels, size, width=16, depth=2, num_classes=num_classes)

    images = generator(10 * torch.randn(4, 5), LABELS)
    logits = discriminator(images, LABELS)

    assert images.shape == (4, channels, size, size) and images.abs().max() <= 1
    assert logits.shape == (4,) and logits.dtype == torch.float32


def test_labels_matter_where_there_are_classes():
    torch.manual_seed(0)
    generator, discriminator = (
        MLPGenerator(5, 1, 4, 16, 2, num_classes=3),
        MLPDiscriminator(1, 4, 16, 2, num_classes=3),
    )
    z = torch.randn(1, 5).expand(4, -1)
    images = generator(z, LABELS)
    assert torch.equal(images[0], images[3]) and not torch.allclose(images[0], images[1])
    logits = discriminator(images[:1].expand(4, -1, -1, -1), LABELS)
    torch.testing.assert_close(logits[0], logits[3])
    assert not torch.allclose(logits[0], logits[1])


@pytest.mark.parametrize("depth", [1, 4])
def test_depth_counts_hidden_layers(depth: int):
    for network in (MLPGenerator(5, 1, 4, 7, depth), MLPDiscriminator(1, 4, 7, depth)):
        layers = [m for m in network.modules() if isinstance(m, nn.Linear)]
        assert len(layers) == depth + 1 and all(layer.out_features == 7 for layer in layers[:-1])


def test_sizes_below_one_are_refused_by_name():
    with pytest.raises(Mistake, match="width=0, depth=-1"):
        MLPGenerator(5, 1, 4, width=0, depth=-1)
    with pytest.raises(Mistake, match="num_classes=0"):
        MLPDiscriminator(1, 4, 8, 1, num_classes=0)
