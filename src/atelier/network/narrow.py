"""The convolution that ends in an image: many channels in, one or three out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class NarrowConv2d(nn.Conv2d):
    """A ``k × k`` convolution without stride or padding, made for few output channels.

    The processor's convolutions fill registers with 16 output channels at a time: where three are wanted, four fifths
    of the work are thrown away. There the kernel's rows stand side by side as k times as many channels of a 1 × k
    convolution, whose results are shifted and summed: the same products, added in another order. Weights are those of
    :class:`torch.nn.Conv2d`, and so are results to rounding.
    """

    def __init__(self, in_channels: int, out_channels: int, side: int) -> None:
        super().__init__(in_channels, out_channels, side)

    def forward(self, input: Tensor) -> Tensor:
        """``[B, out, H - k + 1, W - k + 1]`` of ``[B, in, H, W]``."""
        # Other machines have other registers, and an exported graph is for machines unknown.
        if input.device.type != "cpu" or torch.compiler.is_exporting():
            return super().forward(input)
        outputs, inputs, rows, columns = self.weight.shape
        heights = input.shape[2] - rows + 1
        side_by_side = self.weight.permute(2, 0, 1, 3).reshape(rows * outputs, inputs, 1, columns)
        made = F.conv2d(input, side_by_side)
        made = made.view(len(made), rows, outputs, *made.shape[2:])
        shifted = [made[:, row, :, row : row + heights] for row in range(rows)]
        assert self.bias is not None
        # One sum, as its partial results then have 32 bits under autocast too.
        return torch.stack(shifted).sum(0) + self.bias.to(made.dtype)[:, None, None]
