"""pix2pix's generator: an encoder and a decoder with bridges between layers of one size.

Ronneberger et al. 2015 (U-Net); Isola et al. 2017, section 6.1.1 and the authors' code.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from atelier.network.normalisation import Norm, keeps_bias
from atelier.network.recompute import Segment
from atelier.network.sides import Sides
from atelier.network.sizes import positive
from atelier.types import Mistake


class UNetGenerator(nn.Module):
    """Images to images by 4 × 4 convolutions that halve them ``downs`` times, and as many that double them again.

    Behind each doubling but the last stands what the encoder had at that size, so that detail need not pass through
    the narrowest layer. 7 halvings take 128 px down to one pixel, 8 take 256 px. pix2pix's dropout, off in CycleGAN,
    is not here: its chance would come from torch's global generator.

    in_channels, out_channels: of the images.
    width: channels behind the first halving; they double with every further one up to eightfold.
    downs: halvings.
    norm: channels -> normalisation of every layer but the outermost two and the narrowest.
    image_size: side of the images in training where it is known, to refuse it early if it does not fit.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        width: int,
        downs: int,
        norm: Norm,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        positive(in_channels=in_channels, out_channels=out_channels, width=width)
        if downs < 2:
            raise Mistake(f"downs={downs}: a U-Net halves the image at least twice")
        self.sides = Sides(f"a U-Net of {downs} halvings", multiple=2**downs, smallest=2**downs)
        self.sides.check(image_size)
        # As in the authors' code the kind of normalisation decides on biases everywhere, also where none follows.
        bias = keeps_bias(norm)
        widths = [width * min(2**level, 8) for level in range(downs)]
        *middle, narrowest = pairwise(widths)
        self.down = nn.ModuleList([Segment(_halving(in_channels, width, bias))])
        self.down += [Segment(nn.LeakyReLU(0.2), _halving(*pair, bias), norm(pair[1])) for pair in middle]
        self.down += [Segment(nn.LeakyReLU(0.2), _halving(*narrowest, bias))]
        outer, inner = narrowest
        self.up = nn.ModuleList([Segment(nn.ReLU(), _doubling(inner, outer, bias), norm(outer))])
        for outer, inner in reversed(middle):
            self.up += [Segment(nn.ReLU(), _doubling(2 * inner, outer, bias), norm(outer))]
        self.up += [Segment(nn.ReLU(), _doubling(2 * width, out_channels, True), nn.Tanh())]

    def forward(self, images: Tensor) -> Tensor:
        """``[B, out_channels, H, W]`` in [-1, 1] of ``[B, in_channels, H, W]``; H and W are multiples of 2^downs.

        Raises:
            Mistake: for other sides.
        """
        self.sides.check(*images.shape[2:])
        x, bridges = images, []
        for halve in self.down:
            x = halve(x)
            bridges.append(x)
        made: Tensor = self.up[0](bridges.pop())
        for double in self.up[1:]:
            made = double(torch.cat((bridges.pop(), made), 1))
        return made


def _halving(inputs: int, outputs: int, bias: bool) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)


def _doubling(inputs: int, outputs: int, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)
