"""How images lie in memory."""

from __future__ import annotations

import pytest
import torch

from atelier.network.layout import swift, swift_in_full


@pytest.mark.parametrize("way", [swift, swift_in_full])
@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2, 1, 4, 4), (2, 3, 1, 1)])
def test_channels_lie_side_by_side(way, shape: tuple[int, ...]) -> None:
    images = torch.randn(shape)
    assert torch.equal(way(images), images)
    assert way(images).stride(1) == 1


def test_networks_of_instance_norms_keep_their_layout_in_sixteen_bits() -> None:
    images = torch.randn(2, 3, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert swift_in_full(images) is images
        assert swift(images).stride(1) == 1
