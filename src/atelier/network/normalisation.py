"""What a network has to know of a normalisation that it is given."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

Norm = Callable[[int], nn.Module]
"""Makes the normalisation of so many channels."""


def keeps_bias(norm: Norm) -> bool:
    """Whether a convolution in front of ``norm`` has a bias of its own.

    Not where the normalisation brings one (BatchNorm). In front of an instance norm it has, as in the public
    implementation of CycleGAN: its true gradient is zero, but weights of both sides stay interchangeable.
    """
    return not list(norm(1).parameters())
