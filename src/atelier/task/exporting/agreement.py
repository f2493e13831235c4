"""Does what was exported compute what the network computes?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from atelier.task.exporting.program import Differs, Program, difference

TOLERANCE = 1e-4
"""Largest absolute difference between an exported program's numbers and PyTorch's; images span 2."""


@torch.no_grad()
def agree(program: Program, run: Callable[[Sequence[Tensor]], Tensor], file: Path) -> float:
    """The largest difference between ``program`` and ``run``, the exported one, over all sizes and batch sizes.

    Raises:
        Differs: if it is above :data:`TOLERANCE`, naming the input's shape.
    """
    largest = 0.0
    for inputs in program.trials():
        apart = difference(run(inputs), program.network(*inputs))
        if apart > TOLERANCE:
            shapes = ", ".join(str(list(tensor.shape)) for tensor in inputs)
            raise Differs(f"{file.name} differs from PyTorch by {apart:.2g} for inputs of {shapes}; nothing was kept")
        largest = max(largest, apart)
    return largest
