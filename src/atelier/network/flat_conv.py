"""A convolution whose weights learn by matrix products, for processors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F


class FlatConv2d(nn.Conv2d):
    """A ``k × k`` convolution of stride 1, for images whose channels lie side by side on the processor.

    There torch's gradient for the weights takes twice the time of the gradient for the images, and 1.5 to 2.5 times
    what the same products take as k² plain products of matrices: with the pixels of a batch in one long row, the
    weights of tap (i, j) meet every pixel i rows and j columns further on (``benchmarks/run.py``). Weights, results and
    gradients are those of :class:`torch.nn.Conv2d`, to rounding.
    """

    def __init__(self, in_channels: int, out_channels: int, side: int, *, padding: int = 0, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, side, padding=padding, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """``[B, out, H + 2·padding − k + 1, W + 2·padding − k + 1]`` of ``[B, in, H, W]``."""
        swift = input.device.type == "cpu" and input.is_contiguous(memory_format=torch.channels_last)
        # A compiler cannot see into this way, and one graph of the whole network is worth more; it exports, too.
        asked = self.weight.requires_grad and not torch.is_autocast_enabled("cpu")
        if not swift or not asked or torch.compiler.is_compiling():
            return super().forward(input)
        made: Tensor = _FlatConvolution.apply(input, self.weight, self.bias, self.padding[0])
        return made


class _FlatConvolution(Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.padding = padding
        return F.conv2d(images, weight, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        gradient = gradients[0]
        wanted = list(ctx.needs_input_grad[:3])
        if torch.is_grad_enabled():  # a penalty differentiates this very pass, which torch's own allows
            return *gradients_by_torch(gradient, images, weight, ctx.padding, wanted), None
        # Torch would find the bias's gradient together with that of the weights, and throw the latter away.
        for_images, _, _ = gradients_by_torch(gradient, images, weight, ctx.padding, [wanted[0], False, False])
        for_weight = _for_weight(images, gradient, weight.shape[2], ctx.padding) if wanted[1] else None
        return for_images, for_weight, gradient.sum((0, 2, 3)) if wanted[2] else None, None


def gradients_by_torch(
    gradient: Tensor, images: Tensor, weight: Tensor, padding: int, wanted: list[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients for images, weight and bias of a convolution of stride 1, where ``wanted``; differentiable again."""
    found: tuple[Tensor | None, Tensor | None, Tensor | None] = torch.ops.aten.convolution_backward(
        gradient, images, weight, [len(weight)], [1, 1], [padding] * 2, [1, 1], False, [0, 0], 1, wanted
    )
    return found


def _for_weight(images: Tensor, gradient: Tensor, side: int, padding: int) -> Tensor:
    """``[out, in, side, side]``: for every tap the sum over pixels of gradient × image, that tap further on."""
    images = F.pad(images, (padding,) * 4) if padding else images
    # On the images' grid: a tap that reaches over an edge meets zeros.
    on_grid = F.pad(gradient, (0, side - 1, 0, side - 1)).contiguous(memory_format=torch.channels_last)
    columns, outputs, inputs = images.shape[3], gradient.shape[1], images.shape[1]
    pixels = images.permute(0, 2, 3, 1).reshape(-1, inputs)
    count = len(pixels) - (side - 1) * (columns + 1)
    rows = on_grid.permute(0, 2, 3, 1).reshape(-1, outputs)[:count].t()
    taps = images.new_empty(outputs, side, side, inputs)
    for down in range(side):
        for right in range(side):
            first = down * columns + right
            torch.mm(rows, pixels[first : first + count], out=taps[:, down, right])
    return taps.permute(0, 3, 1, 2)
