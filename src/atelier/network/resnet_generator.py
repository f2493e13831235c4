"""CycleGAN's generator: an image in, an image of the same size out (Johnson et al. 2016; Zhu et al. 2017, sec. 7.2)."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

from atelier.network.flat_conv import FlatConv2d
from atelier.network.layout import swift_in_full
from atelier.network.narrow import NarrowConv2d
from atelier.network.normalisation import Norm, keeps_bias
from atelier.network.recompute import Segment
from atelier.network.reflection import Reflection
from atelier.network.sides import Sides
from atelier.network.sizes import positive
from atelier.network.winograd import WinogradConv2d
from atelier.types import Mistake

_MANY = 192
"""Channels from which on Winograd's convolution is the faster one; the paper's blocks have 256."""


class ResidualBlock(nn.Module):
    """x + residual(x): two 3 × 3 convolutions with reflected borders, no activation behind the sum."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        bias = keeps_bias(norm)
        self.residual = Segment(
            *(Reflection(1), _same(channels, bias), norm(channels), nn.ReLU(True)),
            *(Reflection(1), _same(channels, bias), norm(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, channels, H, W]`` to the same shape; sides of at least 2."""
        total: Tensor = x + self.residual(x)
        return total


def _same(channels: int, bias: bool) -> nn.Conv2d:
    """A 3 × 3 convolution by the way that is faster for so many channels."""
    if channels >= _MANY:
        return WinogradConv2d(channels, channels, bias=bias)
    return FlatConv2d(channels, channels, 3, bias=bias)


class ResnetGenerator(nn.Module):
    """Images to images: 7 × 7 convolution, two halvings, residual blocks, two doublings, 7 × 7 convolution, tanh.

    The paper's are 6 blocks for 128 px and 9 for 256 px and more. The order of layers is that of the public
    implementation, whose weights fit (see :mod:`atelier.network.reference`); its dropout, off in CycleGAN, is not
    here: its chance would come from torch's global generator.

    in_channels, out_channels: of the images.
    width: channels behind the first convolution; the residual blocks have four times as many.
    norm: channels -> normalisation.
    upsample: "transposed" doubles by a transposed convolution, as the paper; "resize" repeats pixels and convolves,
        which leaves no checkerboard (Odena et al. 2016).
    image_size: side of the images in training where it is known, to refuse it early if it does not fit.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        width: int,
        blocks: int,
        norm: Norm,
        upsample: Literal["transposed", "resize"],
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        positive(in_channels=in_channels, out_channels=out_channels, width=width, blocks=blocks)
        self.sides = Sides("a ResNet generator", multiple=4, smallest=8)
        self.sides.check(image_size)
        if upsample not in _DOUBLINGS:
            raise Mistake(f"upsample={upsample}: a ResNet generator doubles by transposed or resize convolutions")
        doubled, bias = _DOUBLINGS[upsample], keeps_bias(norm)
        layers: list[nn.Module] = [Reflection(3), nn.Conv2d(in_channels, width, 7, bias=bias), norm(width)]
        layers += [nn.ReLU(True)]
        for channels in (width, 2 * width):
            layers += [nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=bias), norm(2 * channels)]
            layers += [nn.ReLU(True)]
        layers += [ResidualBlock(4 * width, norm) for _ in range(blocks)]
        for channels in (2 * width, width):
            layers += [doubled(2 * channels, channels, bias), norm(channels), nn.ReLU(True)]
        layers += [Reflection(3), NarrowConv2d(width, out_channels, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """``[B, out_channels, H, W]`` in [-1, 1] of ``[B, in_channels, H, W]``; H and W are multiples of 4 from 8 on.

        Raises:
            Mistake: for other sides.
        """
        self.sides.check(*images.shape[2:])
        made: Tensor = self.layers(swift_in_full(images))
        return made

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile the residual blocks, as :func:`torch.compile` is told: nine alike are one program.

        They have nine tenths of the arithmetic. The whole would be nine times as much to compile, and no faster.
        """
        for block in self.layers:
            if isinstance(block, ResidualBlock):
                block.compile(*args, **options)


def _transposed(inputs: int, outputs: int, bias: bool) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=bias)


def _resized(inputs: int, outputs: int, bias: bool) -> nn.Module:
    return nn.Sequential(nn.Upsample(scale_factor=2), Reflection(1), nn.Conv2d(inputs, outputs, 3, bias=bias))


_DOUBLINGS = {"transposed": _transposed, "resize": _resized}
