from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from atelier.network.reflection import Reflection


@pytest.fixture
def deterministic():
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


def _padded(width: int) -> tuple[Tensor, Tensor, Tensor]:
    images = torch.arange(2 * 3 * 5 * 7, dtype=torch.float64).reshape(2, 3, 5, 7).requires_grad_()
    made = Reflection(width)(images)
    made.square().sum().backward()
    return images, made, images.grad


@pytest.mark.parametrize("width", [1, 3, 4])
def test_the_deterministic_way_is_the_same_padding(width: int, deterministic: None) -> None:
    images, made, gradient = _padded(width)
    again = images.detach().clone().requires_grad_()
    expected = F.pad(again, (width,) * 4, mode="reflect")
    expected.square().sum().backward()
    assert torch.equal(made, expected) and torch.equal(gradient, again.grad)


def test_it_mirrors_at_the_outermost_pixel() -> None:
    row = Reflection(2)(torch.tensor([[[[0.0, 1.0, 2.0]] * 3]]))[0, 0, 0]
    assert row.tolist() == [2, 1, 0, 1, 2, 1, 0]
