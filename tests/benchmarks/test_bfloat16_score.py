from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from bfloat16_score import RoundedProducts


def passes(arithmetic: AbstractContextManager[Any]) -> dict[str, Tensor]:
    """Outputs and gradients of a small network under autocast."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 16, 3, bias=False), nn.ReLU(), nn.ConvTranspose2d(16, 8, 3, stride=2))
    images = torch.randn(2, 3, 16, 16, requires_grad=True)
    with arithmetic, torch.autocast("cpu", dtype=torch.bfloat16):
        made = network(images)
        assert made.dtype == torch.bfloat16
        made.float().square().mean().backward()
    assert images.grad is not None
    gradients = {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}
    return {"made": made.detach().float(), "images": images.grad, **gradients}


def test_rounding_by_hand_is_torchs_bfloat16_to_its_own_rounding() -> None:
    torchs, by_hand = passes(nullcontext()), passes(RoundedProducts())
    for name, value in torchs.items():
        assert ((by_hand[name] - value).norm() / value.norm()).item() < 2**-6, name


def test_without_autocast_nothing_is_rounded() -> None:
    layer, images = nn.Conv2d(3, 4, 3), torch.randn(1, 3, 8, 8)
    with RoundedProducts():
        rounded = layer(images)
    assert torch.equal(rounded, layer(images))
    with RoundedProducts(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert not torch.equal(layer(images).float(), rounded)
