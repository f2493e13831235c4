"""Instance normalisation (Ulyanov, Vedaldi & Lempitsky 2016, "Instance Normalization: The Missing Ingredient")."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

from atelier.network.sizes import positive
from atelier.precise import widened

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
        """``[B, channels, H, W]`` normalised, in the memory format of ``x``."""
        # Groups of one channel are the same formula. F.instance_norm is avoided: on the CPU its backward pass
        # (torch 2.15) is wrong at batch 1 where the gradient arrives in channels_last, without a word. A compiler makes
        # loops of its own of this.
        if x.device.type != "cpu" or x.is_contiguous() or torch.compiler.is_compiling():
            return F.group_norm(x, self.channels, eps=_EPS)
        if x.dtype == torch.float32:
            # In this layout torch takes the variance as E x² − (E x)², of which nothing is left where the mean is large
            # beside it (pictures of little contrast). The formula does not change by what is taken off every pixel.
            x = x - x[:, :, :1, :1].detach()
        if x.requires_grad:
            # A copy made within would be a constant to whoever differentiates twice.
            normalised: Tensor = _ChannelsLast.apply(x.contiguous(memory_format=torch.channels_last))
            return normalised
        return F.group_norm(x, self.channels, eps=_EPS)

    def extra_repr(self) -> str:
        """The channels, for ``print(network)``."""
        return str(self.channels)


class _ChannelsLast(Function):
    """The same formula for images whose channels lie side by side, where torch's backward pass is four times slower.

    With x̂ the result, g the gradient that arrives and means over the pixels, the gradient that leaves is
    (g − mean(g) − x̂ · mean(g · x̂)) / √(var + 1e-5) (Ioffe & Szegedy 2015, section 3, for one image and channel).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        y, mean, scale = torch.native_group_norm(x, None, None, batch, channels, height * width, channels, _EPS)
        ctx.save_for_backward(x, mean.view(batch, 1, channels), scale.view(batch, 1, channels))
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x, mean, scale = ctx.saved_tensors
        pixels, gradient = _pixels(x), _pixels(gradients[0])
        if torch.is_grad_enabled():  # a gradient penalty differentiates this very pass: all must depend on x
            mean = pixels.mean(1, keepdim=True)
            scale = (pixels - mean).square().mean(1, keepdim=True).add(_EPS).rsqrt()
            y = (pixels - mean) * scale
            leaves = (gradient - gradient.mean(1, keepdim=True) - y * (gradient * y).mean(1, keepdim=True)) * scale
        else:  # the same in two pieces of memory: new ones cost more than the arithmetic
            y = (pixels - mean).mul_(scale)
            leaves = gradient * y
            along = leaves.mean(1, keepdim=True)
            torch.sub(gradient, gradient.mean(1, keepdim=True), out=leaves)
            leaves.sub_(y.mul_(along)).mul_(scale)
        batch, channels, height, width = x.shape
        return leaves.to(x.dtype).view(batch, height, width, channels).movedim(-1, 1)


def _pixels(images: Tensor) -> Tensor:
    """``[B, H·W, C]`` of ``[B, C, H, W]``: no copy in channels_last; at least float32, as the means need it."""
    return widened(images.movedim(1, -1).flatten(1, 2))
