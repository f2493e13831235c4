"""How images lie in memory on their way through a network."""

from __future__ import annotations

import torch
from torch import Tensor


def swift(images: Tensor) -> Tensor:
    """``[B, C, H, W]`` with the channels of a pixel side by side on the processor; convolutions then keep to it.

    The mathematics is the same. Convolutions and their gradients are a tenth faster that way, in float32 and in
    bfloat16 (``benchmarks/run.py --only cyclegan,dcgan64``).
    """
    if images.device.type != "cpu":
        return images
    # Unlike contiguous(), it also decides where there is one channel or one pixel, which is either layout.
    return images.to(memory_format=torch.channels_last)


def swift_in_full(images: Tensor) -> Tensor:
    """The same for networks of instance norms, but for autocast to 16 bits.

    There the norms' way through that layout, in float32, costs what the convolutions gain.
    """
    return images if torch.is_autocast_enabled("cpu") else swift(images)
