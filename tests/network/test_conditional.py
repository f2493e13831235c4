from __future__ import annotations

import pytest
import torch
from torch import nn

from atelier.network.conditional import ConditionalBatchNorm2d, Labelled, Projection, norm

LABELS = torch.tensor([0, 2, 1, 2])


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("training", [True, False])
def test_begins_as_plain_batch_norm(training: bool):
    x = torch.randn(4, 5, 3, 3)
    plain, conditional = nn.BatchNorm2d(5).train(training), ConditionalBatchNorm2d(5, 3).train(training)

    for _ in range(2):
        torch.testing.assert_close(conditional(x, LABELS), plain(x))
    torch.testing.assert_close(conditional.norm.running_var, plain.running_var)


def test_each_image_gets_its_classs_gain_and_bias():
    layer = ConditionalBatchNorm2d(2, 3)
    nn.init.normal_(layer.gain)
    nn.init.normal_(layer.bias)
    x = torch.randn(4, 2, 3, 3)

    y = layer(x, LABELS)

    plain = nn.BatchNorm2d(2)(x)
    for image, label in enumerate(LABELS):
        expected = plain[image] * layer.gain[label][:, None, None] + layer.bias[label][:, None, None]
        torch.testing.assert_close(y[image], expected)


def test_a_class_that_is_not_in_the_batch_has_no_gradient():
    layer = ConditionalBatchNorm2d(2, 4)
    layer(torch.randn(4, 2, 3, 3), LABELS).square().sum().backward()
    assert not layer.gain.grad[3].any() and layer.gain.grad[2].any()


def test_norm_is_conditional_where_there_are_classes():
    assert type(norm(4, None)) is nn.BatchNorm2d
    assert isinstance(norm(4, 3), ConditionalBatchNorm2d)


def test_labels_reach_only_the_layers_that_take_them():
    layers = Labelled([nn.Conv2d(2, 3, 1), ConditionalBatchNorm2d(3, 3), nn.ReLU()])
    x = torch.randn(4, 2, 3, 3)
    torch.testing.assert_close(layers(x, LABELS), layers[2](layers[1](layers[0](x), LABELS)))
    assert Labelled([nn.ReLU()])(x, None).min() == 0


def test_survives_synchronisation():
    """Lightning's sync_batchnorm swaps BatchNorms inside the network: ours must still get its labels."""
    layers = nn.SyncBatchNorm.convert_sync_batchnorm(Labelled([ConditionalBatchNorm2d(2, 3), norm(2, None)]))
    assert isinstance(layers[0].norm, nn.SyncBatchNorm) and isinstance(layers[1], nn.SyncBatchNorm)
    assert layers.eval()(torch.randn(4, 2, 3, 3), LABELS).shape == (4, 2, 3, 3)


def test_projection_is_its_formula():
    head = Projection(6, 3)
    phi = torch.randn(4, 6)

    logits = head(phi, LABELS)

    v, c = head.linear.weight[0], head.linear.bias
    expected = [v @ phi[i] + c[0] + head.embed.weight[label] @ phi[i] for i, label in enumerate(LABELS)]
    torch.testing.assert_close(logits, torch.stack(expected))


def test_class_vectors_begin_small():
    """Xavier's bound: labels must not drown v·φ before anything is learnt."""
    bound = (6 / (10 + 500)) ** 0.5
    assert 0.99 * bound < Projection(500, 10).embed.weight.abs().max() <= bound


def test_projection_without_classes_ignores_labels():
    head = Projection(6, None)
    phi = torch.randn(4, 6)
    assert torch.equal(head(phi, LABELS), head(phi, None)) and head(phi, None).shape == (4,)


@pytest.mark.parametrize("num_classes", [None, 3])
def test_logits_are_float32_at_least(num_classes):
    head = Projection(6, num_classes)
    with torch.autocast("cpu", torch.bfloat16):
        assert head(torch.randn(4, 6), LABELS).dtype == torch.float32
    assert head.double()(torch.randn(4, 6).double(), LABELS).dtype == torch.float64
