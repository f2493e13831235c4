"""The weights of Winograd's convolution: G g Gᵀ, and its adjoint (Lavin & Gray 2016, section 4.1)."""

from __future__ import annotations

import torch
from torch import Tensor

_G = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))


def for_products(weight: Tensor) -> Tensor:
    """``[16, out, in]`` of weights ``[out, in, 3, 3]``; a product's place in its tile is 4 · column + row."""
    outputs, inputs = weight.shape[:2]
    return (_spreading(weight) @ weight.reshape(-1, 9).t()).view(16, outputs, inputs)


def from_products(kernels: Tensor) -> Tensor:
    """The adjoint of :func:`for_products`."""
    _, outputs, inputs = kernels.shape
    return (_spreading(kernels).t() @ kernels.view(16, -1)).t().reshape(outputs, inputs, 3, 3)


def _spreading(like: Tensor) -> Tensor:
    """``[16, 9]``: G ⊗ G."""
    each = like.new_tensor(_G)
    return torch.einsum("ih,jw->jihw", each, each).reshape(16, 9)
