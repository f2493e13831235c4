"""Arithmetic that needs more digits than half precision has."""

from __future__ import annotations

import torch
from torch import Tensor


def widened(numbers: Tensor) -> Tensor:
    """``numbers`` of any shape in float32, or in float64 where that is what they are.

    Under autocast what networks give has 8 or 11 bits: differences, exponentials, means and sums need more.
    """
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32))
