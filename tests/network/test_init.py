from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from atelier.network.conditional import ConditionalBatchNorm2d, Projection
from atelier.network.init import Kaiming, Normal, Orthogonal, Xavier
from atelier.network.spectral import spectral
from atelier.types import Mistake


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(32, 64, 4),
        nn.BatchNorm2d(64),
        nn.ConvTranspose2d(64, 32, 4),
        nn.BatchNorm2d(32, affine=False),
        nn.Flatten(),
        nn.Linear(256, 128),
        nn.Linear(128, 128, bias=False),
    )


def weights(module: nn.Module) -> list[Tensor]:
    return [m.weight.detach() for m in module.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]


def test_normal_is_dcgans_start():
    net = network()
    Normal(std=0.02)(net)

    for weight in weights(net):
        noise = 5 / math.sqrt(weight.numel())
        assert weight.mean().abs() < 0.02 * noise
        assert weight.std().item() == pytest.approx(0.02, rel=noise)
    scale = net[1].weight.detach()
    assert scale.mean().item() == pytest.approx(1, abs=0.01) and 0.015 < scale.std() < 0.025


@pytest.mark.parametrize("init", [Normal(0.02), Xavier(1.0), Kaiming(0.2, "fan_in"), Orthogonal(1.0)])
def test_every_start_clears_biases_and_follows_the_seed(init):
    first, again = network(), network()
    for net in (first, again):
        torch.manual_seed(7)
        init(net)

    assert not any(p.any() for name, p in first.named_parameters() if name.endswith("bias"))
    assert all(map(torch.equal, first.parameters(), again.parameters()))


@pytest.mark.parametrize("init", [Xavier(1.0), Kaiming(0.2, "fan_out"), Orthogonal(1.0)])
def test_other_starts_leave_normalisations_the_identity(init):
    net = network()
    nn.init.constant_(net[1].weight, 3.0)
    init(net)
    assert torch.equal(net[1].weight, torch.ones(64))


def test_xavier_bound():
    layer = nn.Linear(300, 200)
    Xavier(gain=2.0)(layer)
    bound = 2 * math.sqrt(6 / 500)
    assert 0.999 * bound < layer.weight.abs().max() <= bound


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(128, 64, 3, padding=1),
        nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1),
        nn.ConvTranspose2d(128, 64, 3, padding=1),
        spectral(nn.Sequential(nn.ConvTranspose2d(128, 64, 4, stride=2)))[0],
    ],
    ids=["convolution", "doubling", "not doubling", "under spectral normalisation"],
)
def test_kaiming_keeps_the_variance_of_what_a_layer_sums_up(layer: nn.Module):
    """A layer's answer to unit noise has the variance 2 / 1.04, away from the border: a leaky ReLU then halves it."""
    Kaiming(negative_slope=0.2, mode="fan_in")(layer)
    weight = layer.parametrizations.weight.original if hasattr(layer, "parametrizations") else layer.weight
    plain = type(layer)(128, 64, layer.kernel_size, layer.stride, layer.padding, bias=False)
    plain.weight.data.copy_(weight.detach())
    inside = plain(torch.randn(8, 128, 16, 16))[..., 4:-4, 4:-4]
    assert inside.var().item() == pytest.approx(2 / 1.04, rel=0.05)


@pytest.mark.parametrize("layer", [nn.Conv2d(64, 128, 3), nn.ConvTranspose2d(64, 128, 4, stride=2)])
def test_kaiming_keeps_the_variance_of_gradients(layer: nn.Module):
    Kaiming(negative_slope=0.0, mode="fan_out")(layer)
    x = torch.zeros(8, 64, 16, 16, requires_grad=True)
    made = layer(x)
    made.backward(torch.randn_like(made))
    assert x.grad[..., 4:-4, 4:-4].var().item() == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 16 * 9), ("fan_out", 64 * 9)])
def test_kaiming_variance(mode, fan):
    layer = nn.Conv2d(16, 64, 3)
    Kaiming(negative_slope=0.2, mode=mode)(layer)
    assert layer.weight.var().item() == pytest.approx(2 / (1.04 * fan), rel=0.05)


def test_orthogonal_rows():
    layer = nn.Conv2d(8, 16, 3)
    Orthogonal(gain=1.5)(layer)
    rows = layer.weight.detach().flatten(1)
    torch.testing.assert_close(rows @ rows.T, 2.25 * torch.eye(16), rtol=1e-5, atol=1e-5)


def test_embeddings_and_conditional_norms_keep_their_own_start():
    net = nn.ModuleList([ConditionalBatchNorm2d(4, 3), Projection(4, 3)])
    before = [p.detach().clone() for p in (net[0].gain, net[0].bias, net[1].embed.weight)]
    Normal(0.02)(net)
    assert all(map(torch.equal, before, (net[0].gain, net[0].bias, net[1].embed.weight)))


@pytest.mark.parametrize("init", [Normal(0.02), Xavier(1.0), Kaiming(0.2, "fan_in"), Orthogonal(1.0)])
def test_runs_on_the_meta_device(init):
    with torch.device("meta"):
        net = spectral(network())
    init(net)
    assert all(p.is_meta for p in net.parameters())


def test_a_spectrally_normalised_layer_begins_anew_underneath():
    """The start replaces the raw weight, and the norm's vectors follow: the first pass is normalised."""
    layer = spectral(nn.Linear(60, 40))
    old = layer.parametrizations.weight.original.detach().clone()
    Normal(0.02)(layer)

    raw = layer.parametrizations.weight.original
    assert not torch.equal(raw, old) and raw.std().item() == pytest.approx(0.02, rel=0.1)
    assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("make", [lambda: Normal(0.0), lambda: Xavier(-1.0), lambda: Orthogonal(float("nan"))])
def test_impossible_spreads_are_refused(make):
    with pytest.raises(Mistake, match="above 0"):
        make()


def test_unknown_fans_are_refused():
    with pytest.raises(Mistake, match="mode=fan"):
        Kaiming(0.2, "fan")
