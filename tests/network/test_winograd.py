"""The convolution of fewer multiplications is torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from atelier.network import winograd_fused, winograd_strips
from atelier.network.resnet_generator import ResidualBlock
from atelier.network.winograd import WinogradConv2d
from atelier.network.winograd_fused import in_bands


def swift(*shape: int, seed: int = 0) -> Tensor:
    images = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return images.to(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sides", [(8, 10), (7, 9), (6, 5), (3, 3)])
@pytest.mark.parametrize("tiles", [512, 1, 9])
def test_results_and_gradients_are_those_of_torch(
    sides: tuple[int, int], bias: bool, tiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd_strips, "_TILES", tiles)
    ours, theirs = WinogradConv2d(3, 5, bias=bias).double(), nn.Conv2d(3, 5, 3, bias=bias).double()
    theirs.load_state_dict(ours.state_dict())
    images = swift(2, 3, *sides)
    plain = images.detach().contiguous().requires_grad_()
    made, expected = ours(images), theirs(plain)
    assert "Strips" in type(made.grad_fn).__name__  # the way that is tested
    torch.testing.assert_close(made, expected, rtol=1e-12, atol=1e-12)
    weights = swift(*expected.shape, seed=1).detach()
    (made * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(images.grad, plain.grad, rtol=1e-12, atol=1e-12)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-12, atol=1e-12)


def test_float32_is_nearly_as_exact_as_torchs() -> None:
    """Against float64, on the paper's 256 channels."""
    layer = WinogradConv2d(256, 256, bias=False).requires_grad_(False)
    images = swift(1, 256, 18, 18).detach().float()
    exact = nn.functional.conv2d(images.double(), layer.weight.double())
    theirs = nn.functional.conv2d(images, layer.weight)
    off, usual = ((made - exact).square().mean().sqrt() for made in (layer(images), theirs))
    assert 0 < off < 4 * usual


def test_only_what_is_wanted_is_computed() -> None:
    layer = WinogradConv2d(3, 5).double().requires_grad_(False)
    images = swift(2, 3, 6, 6)
    layer(images).sum().backward()
    assert layer.weight.grad is None and images.grad is not None
    layer.requires_grad_()
    layer(images.detach()).sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sides", [(8, 10), (7, 9), (6, 5), (3, 3), (21, 4)])
@pytest.mark.parametrize("tiles", [512, 1, 9])
def test_the_formulas_for_compilers_are_those_of_torch(
    sides: tuple[int, int], bias: bool, tiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd_fused, "_TILES", tiles)
    layer = nn.Conv2d(3, 5, 3, bias=bias).double()
    images = swift(2, 3, *sides)
    inputs = [images, *layer.parameters()]
    made = in_bands(images, layer.weight, layer.bias)
    expected = layer(images)
    torch.testing.assert_close(made, expected, rtol=1e-12, atol=1e-12)
    weights = swift(*expected.shape, seed=1).detach()
    mine, theirs = (torch.autograd.grad((each * weights).sum(), inputs) for each in (made, expected))
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("wide", [True, False])
def test_wide_blocks_alone_have_it(wide: bool) -> None:
    block = ResidualBlock(256 if wide else 64, nn.InstanceNorm2d)
    assert isinstance(block.residual[1], WinogradConv2d) is wide
    assert list(block.state_dict()) == [f"residual.{place}.{what}" for place in (1, 5) for what in ("weight", "bias")]


def test_elsewhere_it_is_torchs() -> None:
    layer = WinogradConv2d(3, 5)
    plain = torch.randn(1, 3, 6, 6)
    assert torch.equal(layer(plain), nn.functional.conv2d(plain, layer.weight, layer.bias))
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(plain.contiguous(memory_format=torch.channels_last)).dtype == torch.bfloat16


def test_no_images_have_no_pixels() -> None:
    assert WinogradConv2d(3, 5)(torch.empty(0, 3, 6, 6).to(memory_format=torch.channels_last)).shape == (0, 5, 4, 4)
