"""The network of the small extractors, and what it sees of an image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from atelier.pixels import LUMA, to_unit
from atelier.types import Mistake


class SmallClassifier(nn.Module):
    """Four convolutions, the mean over positions, a linear read-out: about 55,000 parameters.

    Its features are the ``num_features`` channel means behind the last SiLU: smooth and never dead (a ReLU's
    often are, which leaves a covariance singular), and taken before the read-out, where images of one class
    still differ.
    """

    def __init__(self, channels: int, classes: int, num_features: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _layer(channels, 24, kernel=5, stride=2),
            _layer(24, 40, kernel=3, stride=2),
            _layer(40, 48, kernel=3, stride=1),
            _layer(48, num_features, kernel=3, stride=1),
        )
        self.read_out = nn.Linear(num_features, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[B, num_features]`` and logits ``[B, classes]`` of float ``[B, C, H, W]`` in [-1, 1]."""
        features = self.body(images).mean(dim=(2, 3))
        return features, self.read_out(features)

    def initialise(self, generator: torch.Generator) -> None:
        """Fresh weights from ``generator`` alone: He et al. (2015), eq. 10; small ones for the read-out."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
        nn.init.normal_(self.read_out.weight, std=0.01, generator=generator)
        nn.init.zeros_(self.read_out.bias)


def _layer(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(),
    )


def hollow(channels: int, classes: int, num_features: int = 64) -> SmallClassifier:
    """The network without numbers in it (on the meta device): making it draws no random number."""
    with torch.device("meta"):
        return SmallClassifier(channels, classes, num_features)


def standardise(images: Tensor, channels: int, size: int) -> Tensor:
    """uint8 ``[B, C, H, W]`` of any size as float ``[B, channels, size, size]`` in [-1, 1].

    Colour becomes grey by the luma of ITU-R BT.601, grey becomes colour by repetition; the size is reached by
    bilinear interpolation with anti-aliasing, on floats.
    """
    pixels = to_unit(images)
    if pixels.shape[1] != channels:
        pixels = _recolour(pixels, channels)
    if pixels.shape[-2:] != (size, size):
        pixels = F.interpolate(pixels, (size, size), mode="bilinear", align_corners=False, antialias=True)
    return pixels


def _recolour(pixels: Tensor, channels: int) -> Tensor:
    found = pixels.shape[1]
    if found == 1:
        return pixels.expand(-1, channels, -1, -1)
    if (found, channels) == (3, 1):
        luma = pixels.new_tensor(LUMA).view(1, 3, 1, 1)
        return (pixels * luma).sum(dim=1, keepdim=True)
    raise Mistake(
        f"the extractor is made for {channels} channels and the images have {found}: choose another extractor"
    )
