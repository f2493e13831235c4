"""Instance normalisation (Ulyanov, Vedaldi & Lempitsky 2016, "Instance Normalization: The Missing Ingredient")."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from atelier.network.sizes import positive

_EPS = 1e-5


class InstanceNorm(nn.Module):
    """y = (x − mean) / √(var + 1e-5), mean and (biased) variance over each image's each channel (the paper's eq. 3).

    No scale, no shift and no running statistics: an image's result depends on nothing but the image, in training
    and afterwards.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        positive(channels=channels)
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """``[B, channels, H, W]`` normalised."""
        # Groups of one channel are the same formula. F.instance_norm is avoided: on the CPU its backward pass
        # (torch 2.15) is wrong at batch 1 where the gradient arrives in channels_last, without a word.
        return F.group_norm(x, self.channels, eps=_EPS)

    def extra_repr(self) -> str:
        """The channels, for ``print(network)``."""
        return str(self.channels)
