"""Critics whose slopes are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from atelier.regularizer.verdict import Verdict

Judge = Callable[[nn.Module, Tensor], Verdict]


@pytest.fixture
def linear() -> nn.Module:
    """D(x) = w·x + b: its slope is w everywhere."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(12, 1), nn.Flatten(0)).double()
    weights = torch.randn(1, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    critic[1].weight.data.copy_(weights)
    return critic


@pytest.fixture
def images() -> tuple[Tensor, Tensor]:
    """Reals and fakes, ``[5, 3, 2, 2]`` each."""
    real, fake = torch.rand(2, 5, 3, 2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return real, fake


@pytest.fixture
def judge() -> Judge:
    """A verdict as the critic hands it to a regularizer: of leaves that require gradients."""

    def verdict(critic: nn.Module, images: Tensor) -> Verdict:
        leaves = images.detach().requires_grad_()
        return Verdict(leaves, critic(leaves))

    return verdict
