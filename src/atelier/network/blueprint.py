"""What a network of the public CycleGAN implementation is made of, read off the shapes of its weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from atelier.network.instance_norm import InstanceNorm
from atelier.network.normalisation import Norm
from atelier.network.patchgan import PatchGAN, PixelCritic
from atelier.network.resnet_generator import ResnetGenerator
from atelier.network.unet import UNetGenerator
from atelier.types import Mistake

Architecture = Literal["resnet", "unet", "patchgan", "pixel"]
NormKind = Literal["instance", "batch"]

FIRST: dict[Architecture, str] = {
    "resnet": "model.1.weight",
    "unet": "model.model.0.weight",
    "patchgan": "model.0.weight",
    "pixel": "net.0.weight",
}
"""The first layer's weight, under a name that no other architecture has."""

_NORMS: dict[NormKind, Norm] = {"instance": InstanceNorm, "batch": nn.BatchNorm2d}


@dataclass(frozen=True)
class Blueprint:
    """An architecture with its sizes.

    sizes: the whole numbers that its constructor asks for, by the names of its arguments: channels, width, depth.
    norm: "batch" where the file holds scales of normalisations, else "instance".
    dropout: whether a ResNet was made with dropout in its blocks. Ours has none, and needs none to translate.
    """

    architecture: Architecture
    sizes: Mapping[str, int]
    norm: NormKind
    dropout: bool = False

    def build(self) -> nn.Module:
        """A network of ours of these sizes, with fresh weights."""
        norm = _NORMS[self.norm]
        match self.architecture:
            case "resnet":
                return ResnetGenerator(**self.sizes, norm=norm, upsample="transposed")
            case "unet":
                return UNetGenerator(**self.sizes, norm=norm)
            case "patchgan":
                return PatchGAN(**self.sizes, norm=norm)
            case "pixel":
                return PixelCritic(**self.sizes, norm=norm)


def read(state: Mapping[str, Tensor]) -> Blueprint:
    """The blueprint of ``state``, whose keys are the public implementation's own.

    The sizes are read from a few layers; whether the others agree is for the caller to compare.

    Raises:
        Mistake: if those layers are not there, or not of the kind that they should be.
    """
    found = next((name for name, key in FIRST.items() if key in state), None)
    if found is None:
        raise Mistake(f"no weights that the public CycleGAN implementation saves (first keys: {_some(state)})")
    # Convolutions have weights of four dimensions, and only normalisations with a scale have weights of one.
    scaled = any(key.endswith(".weight") and tensor.ndim == 1 for key, tensor in state.items())
    dropout = (
        found == "resnet"
        and "model.10.conv_block.6.weight" in state
        and _is_convolution(state["model.10.conv_block.6.weight"])
    )
    return Blueprint(found, _SIZES[found](state), "batch" if scaled else "instance", dropout)


def _resnet(state: Mapping[str, Tensor]) -> dict[str, int]:
    width, in_channels = _convolution(state, FIRST["resnet"])
    blocks = len({match[1] for key in state if (match := re.match(r"model\.(\d+)\.conv_block\.", key))})
    out_channels, _ = _convolution(state, f"model.{10 + blocks + 7}.weight")
    return {"in_channels": in_channels, "out_channels": out_channels, "width": width, "blocks": blocks}


def _unet(state: Mapping[str, Tensor]) -> dict[str, int]:
    width, in_channels = _convolution(state, FIRST["unet"])
    _, out_channels = _convolution(state, "model.model.3.weight")
    # Every halving's block lies inside the one before, one ".model" deeper.
    downs = max(key.count("model") for key in state) - 1
    return {"in_channels": in_channels, "out_channels": out_channels, "width": width, "downs": downs}


def _patchgan(state: Mapping[str, Tensor]) -> dict[str, int]:
    width, channels = _convolution(state, FIRST["patchgan"])
    layers = sum(_is_convolution(tensor) for tensor in state.values()) - 2
    return {"channels": channels, "width": width, "layers": layers}


def _pixel(state: Mapping[str, Tensor]) -> dict[str, int]:
    width, channels = _convolution(state, FIRST["pixel"])
    return {"channels": channels, "width": width}


_SIZES: dict[Architecture, Callable[[Mapping[str, Tensor]], dict[str, int]]] = {
    "resnet": _resnet,
    "unet": _unet,
    "patchgan": _patchgan,
    "pixel": _pixel,
}


def _convolution(state: Mapping[str, Tensor], key: str) -> tuple[int, int]:
    """The first two sides of a convolution's weight: outputs and inputs, unless it is transposed."""
    if key not in state:
        raise Mistake(f"incomplete weights: {key} is missing")
    if not _is_convolution(state[key]):
        raise Mistake(f"strange weights: {key} is {list(state[key].shape)}, and no convolution")
    return state[key].shape[0], state[key].shape[1]


def _is_convolution(tensor: Tensor) -> bool:
    return tensor.ndim == 4


def _some(state: Mapping[str, Tensor]) -> str:
    return ", ".join(list(state)[:3]) or "none"
