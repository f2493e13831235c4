"""The residual networks of SNGAN (Miyato et al. 2018, appendix B.4, tables 4 and 6) for 32, 64 and 128 px.

32 and 128 px are the paper's, 64 px is that of the authors' code (pfnet-research/sngan_projection). Labels
enter the generator by conditional BatchNorm and the discriminator by projection (Miyato & Koyama 2018).
Spectral normalisation is laid on from outside.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from atelier.network.conditional import Labelled, Projection, norm
from atelier.network.layout import swift
from atelier.network.sizes import positive
from atelier.types import Mistake

_GENERATOR = {32: (1, 1, 1, 1), 64: (16, 8, 4, 2, 1), 128: (16, 16, 8, 4, 2, 1)}
"""Image size: channels of the 4 × 4 square and behind each doubling, in widths."""

_DISCRIMINATOR = {32: ((1, 1), 2), 64: ((1, 2, 4, 8, 16), 0), 128: ((1, 2, 4, 8, 16), 1)}
"""Image size: channels behind each halving, in widths; and how many blocks follow at the last size."""


def _check_size(image_size: int) -> None:
    if image_size not in _GENERATOR:
        raise Mistake(f"image_size={image_size}: SNGAN's residual networks are made for 32, 64 or 128 px")


def _conv(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)


class _Doubling(nn.Module):
    """A residual block that doubles the image's side."""

    def __init__(self, inputs: int, outputs: int, num_classes: int | None) -> None:
        super().__init__()
        layers = [norm(inputs, num_classes), nn.ReLU(), nn.Upsample(scale_factor=2)]
        # No bias in front of a normalisation, which would take it out again.
        layers += [_conv(inputs, outputs, bias=False), norm(outputs, num_classes), nn.ReLU()]
        self.residual = Labelled([*layers, _conv(outputs, outputs)])
        # A 1 × 1 convolution and nearest upsampling commute: this order costs a quarter of the paper's.
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.Upsample(scale_factor=2))

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        total: Tensor = self.residual(x, labels) + self.shortcut(x)
        return total


class _Sum(nn.Module):
    """A residual block without labels: residual(x) + shortcut(x)."""

    def __init__(self, residual: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual, self.shortcut = residual, shortcut

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.residual(x) + self.shortcut(x)
        return total


def _opening(channels: int, outputs: int) -> _Sum:
    """The discriminator's first block halves, without the ReLU in front that would cut the pixels' signs."""
    residual = nn.Sequential(_conv(channels, outputs), nn.ReLU(), _conv(outputs, outputs), nn.AvgPool2d(2))
    return _Sum(residual, _halved(channels, outputs))


def _halving(inputs: int, outputs: int) -> _Sum:
    convolutions = (nn.ReLU(), _conv(inputs, inputs), nn.ReLU(), _conv(inputs, outputs))
    return _Sum(nn.Sequential(*convolutions, nn.AvgPool2d(2)), _halved(inputs, outputs))


def _halved(inputs: int, outputs: int) -> nn.Sequential:
    # Averaging and a 1 × 1 convolution commute: pooling first costs a quarter.
    return nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1))


def _steady(width: int) -> _Sum:
    return _Sum(nn.Sequential(nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width)), nn.Identity())


class ResNetGenerator(nn.Module):
    """Latents to images by residual blocks that double a 4 × 4 square.

    width: channels of the last block; the paper's is 256 at 32 px (all blocks alike), 64 at 64 and 128 px
        (growing sixteenfold towards the latent).
    num_classes: makes the blocks' BatchNorms conditional.
    """

    def __init__(
        self, latent_dim: int, channels: int, image_size: int, width: int, *, num_classes: int | None = None
    ) -> None:
        super().__init__()
        positive(latent_dim=latent_dim, channels=channels, width=width, num_classes=num_classes)
        _check_size(image_size)
        inside = [width * multiple for multiple in _GENERATOR[image_size]]
        self.first = nn.Sequential(nn.Linear(latent_dim, inside[0] * 16), nn.Unflatten(1, (inside[0], 4, 4)))
        self.blocks = nn.ModuleList(_Doubling(*sizes, num_classes) for sizes in pairwise(inside))
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), _conv(width, channels), nn.Tanh())

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[B, C, H, W]`` in [-1, 1] from latents ``[B, latent_dim]`` and labels ``[B]``."""
        x = swift(self.first(z))
        for block in self.blocks:
            x = block(x, labels)
        images: Tensor = self.last(x)
        return images


class ResNetDiscriminator(nn.Module):
    """Images to logits by residual blocks, the last features summed over the picture; not normalised.

    width: channels of the first block; the paper's is 128 at 32 px (all blocks alike), 64 at 64 and 128 px
        (growing sixteenfold).
    num_classes: adds the projection of the label on the last features.
    """

    def __init__(self, channels: int, image_size: int, width: int, *, num_classes: int | None = None) -> None:
        super().__init__()
        positive(channels=channels, width=width)
        _check_size(image_size)
        multiples, steady = _DISCRIMINATOR[image_size]
        inside = [width * multiple for multiple in multiples]
        self.blocks = nn.Sequential(
            _opening(channels, width),
            *(_halving(before, after) for before, after in pairwise(inside)),
            *(_steady(inside[-1]) for _ in range(steady)),
            nn.ReLU(),
        )
        self.head = Projection(inside[-1], num_classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits ``[B]`` of images ``[B, C, H, W]`` and labels ``[B]``."""
        logits: Tensor = self.head(self.blocks(swift(images)).sum((2, 3)), labels)
        return logits
