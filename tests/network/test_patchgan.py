from __future__ import annotations

import pytest
import torch
from torch import nn

from atelier.network.instance_norm import InstanceNorm
from atelier.network.patchgan import PatchGAN, PixelCritic
from atelier.types import Mistake


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)])
def test_receptive_fields(layers: int, field: int) -> None:
    """How far the gradient of the middle logit reaches, without a norm and with weights that cannot cancel out."""
    critic = PatchGAN(channels=1, width=1, layers=layers, norm=None)
    for parameter in critic.parameters():
        nn.init.constant_(parameter, 0.1)
    images = torch.ones(1, 1, 12 * 2**layers + 64, 12 * 2**layers + 64, requires_grad=True)
    logits = critic(images)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows, columns = (images.grad[0, 0] != 0).nonzero(as_tuple=True)
    assert (int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1) == (field, field)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", [InstanceNorm, nn.BatchNorm2d, None])
def test_maps_of_logits(layers: int, norm: type[nn.Module] | None) -> None:
    smallest = 3 * 2**layers
    critic = PatchGAN(channels=3, width=2, layers=layers, norm=norm)
    assert critic(torch.rand(2, 3, smallest, smallest + 2**layers + 1)).shape == (2, 1, 1, 2)
    with pytest.raises(Mistake, match=f"image_size={smallest - 1}: .* at least {smallest} px"):
        critic(torch.rand(2, 3, smallest, smallest - 1))
    with pytest.raises(Mistake, match=f"image_size={smallest - 1}: "):
        PatchGAN(channels=3, width=2, layers=layers, norm=norm, image_size=smallest - 1)


def test_the_published_critic() -> None:
    """2.765 M weights for 70 × 70 at width 64, as the public implementation prints; 30 × 30 logits at 256 px."""
    with torch.device("meta"):
        critic = PatchGAN(channels=3, width=64, layers=3, norm=InstanceNorm)
        assert critic(torch.empty(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    assert sum(p.numel() for p in critic.parameters()) / 1e6 == pytest.approx(2.765, abs=5e-4)


def test_a_pixel_critic_sees_one_pixel() -> None:
    torch.manual_seed(0)
    critic = PixelCritic(channels=3, width=4, norm=None)
    images = torch.rand(2, 3, 5, 7, requires_grad=True)
    logits = critic(images)
    assert logits.shape == (2, 1, 5, 7)
    logits[1, 0, 2, 3].backward()
    touched = images.grad.abs().sum(1).nonzero()
    assert touched.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    "critic",
    [
        PatchGAN(channels=3, width=2, layers=1, norm=InstanceNorm),
        PixelCritic(channels=3, width=2, norm=InstanceNorm),
    ],
)
def test_logits_leave_autocast_in_float32_and_labels_are_refused(critic: nn.Module) -> None:
    images = torch.rand(1, 3, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        assert critic(images).dtype == torch.float32
    with pytest.raises(Mistake, match="condition=none"):
        critic(images, torch.zeros(1, dtype=torch.int64))
