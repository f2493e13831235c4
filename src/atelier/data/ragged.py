"""Many images, each of its own size."""

from __future__ import annotations

import torch
from torch import Tensor


class Ragged:
    """N images end to end in one run of bytes, which may be memory-mapped.

    run: ``[sum of C * H * W]`` uint8.
    shapes: ``[N, 3]`` int64, each image's channels (the same of all), height and width.
    """

    def __init__(self, run: Tensor, shapes: Tensor) -> None:
        self.run, self.shapes = run, shapes
        ends = shapes.prod(dim=1).cumsum(dim=0)
        assert int(ends[-1]) == len(run), (int(ends[-1]), len(run))
        self._starts = torch.cat([ends.new_zeros(1), ends[:-1]])

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, index: int) -> Tensor:
        """One image, ``[C, H, W]``: a view."""
        shape, start = self.shapes[index], int(self._starts[index])
        return self.run[start : start + int(shape.prod())].view(*shape.tolist())


def gather(pixels: Tensor | Ragged, rows: Tensor) -> Tensor:
    """The images at ``rows`` ``[B]``, ``[B, C, H, W]``; of ragged ones, they must be of one size."""
    if isinstance(pixels, Tensor):
        return pixels.index_select(0, rows)
    return torch.stack([pixels[row] for row in rows.tolist()])
