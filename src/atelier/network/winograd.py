"""3 × 3 convolutions with 2.25 times fewer multiplications, for processors (Winograd 1980; Lavin & Gray 2016).

F(2 × 2, 3 × 3) of Lavin & Gray, equation 8: Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, where d are 4 × 4 pixels, which overlap
those of the next tile by two, g the 3 × 3 weights, and Y 2 × 2 pixels of the result. Summed over channels, the 16
products are 16 products of matrices, (tiles × channels) (channels × channels); all else are additions. Each of the
three steps is linear, and the gradients are the adjoint steps backwards.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atelier.network.winograd_fused import in_bands
from atelier.network.winograd_strips import Strips


class WinogradConv2d(nn.Conv2d):
    """A 3 × 3 convolution of stride 1 without padding, for images whose channels lie side by side on the processor.

    Weights, results and gradients are those of :class:`torch.nn.Conv2d`, to rounding. Everywhere else (another device,
    autocast, export) it is torch's own. It pays from some 200 channels on, below which the additions cost more than
    the multiplications that they save.
    """

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """``[B, out, H − 2, W − 2]`` of ``[B, in, H, W]``."""
        if not _fits(input):
            return super().forward(input)
        # The same steps: by hand in memory that stays in the cache, or as formulas that a compiler makes loops of.
        way = in_bands if torch.compiler.is_compiling() else Strips.apply
        made: Tensor = way(input, self.weight, self.bias)
        return made


def _fits(images: Tensor) -> bool:
    # First: an export that asks for the layout of a batch pins the batch's size.
    return (
        not torch.compiler.is_exporting()
        and len(images) > 0
        and images.device.type == "cpu"
        and images.dtype in (torch.float32, torch.float64)
        and images.is_contiguous(memory_format=torch.channels_last)
        and not torch.is_autocast_enabled("cpu")
    )
