"""A sigmoid keeps its slope where half precision has none."""

import pytest
import torch
from torch import nn

from atelier.network.sigmoid import Sigmoid
from atelier.objective.reconstruction import BCE
from atelier.regularizer.kl_sparsity import KLSparsity


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_wrong_pixel_moves_however_sure_it_is(dtype: torch.dtype) -> None:
    x = torch.tensor([[-12.0, 8.0, 12.0]], dtype=dtype, requires_grad=True)
    target = torch.tensor([[1.0, 0.0, 0.0]])
    BCE()(Sigmoid()(x).view(1, 1, 1, 3), target.view(1, 1, 1, 3)).backward()
    expected = torch.sigmoid(x.detach().float()) - target  # the slope of a cross-entropy in the logit
    assert x.grad is not None
    assert torch.allclose(x.grad.float(), expected, atol=5e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_silent_and_a_stuck_unit_are_called_back(dtype: torch.dtype) -> None:
    x = torch.tensor([[-18.0, 7.0]], dtype=dtype, requires_grad=True)
    KLSparsity(units=2, rho=0.05, weight=1.0, decay=0.0)(Sigmoid()(x))["sparsity"].backward()
    assert x.grad is not None
    assert x.grad[0, 0].item() == pytest.approx(-0.05, rel=0.02)
    assert x.grad[0, 1].item() == pytest.approx(0.95, rel=0.02)


def test_float32_and_float64_are_torchs() -> None:
    for dtype in (torch.float32, torch.float64):
        x = torch.linspace(-40, 40, 81, dtype=dtype)
        assert torch.equal(Sigmoid()(x), nn.Sigmoid()(x))
