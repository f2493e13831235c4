"""Weights of the public CycleGAN implementation (junyanz/pytorch-CycleGAN-and-pix2pix), both ways.

Its files (``latest_net_G_A.pth``, ``horse2zebra.pth``) are bare state dicts. What network they belong to stands
nowhere in them, but follows from names and shapes. Older ones carry running statistics of instance norms, which
nothing reads, or begin every name with ``module.``, as DataParallel does.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from atelier.expanded import expanded
from atelier.network.blueprint import Architecture, Blueprint, read
from atelier.network.patchgan import PatchGAN, PixelCritic
from atelier.network.resnet_generator import ResnetGenerator
from atelier.network.unet import UNetGenerator
from atelier.types import Mistake

_ARCHITECTURES: dict[type[nn.Module], Architecture] = {
    ResnetGenerator: "resnet",
    UNetGenerator: "unet",
    PatchGAN: "patchgan",
    PixelCritic: "pixel",
}


def infer(state: Mapping[str, Tensor]) -> Blueprint:
    """What network ``state`` belongs to.

    Raises:
        Mistake: if it belongs to none, naming what is missing, strange or too much.
    """
    return _opened(state)[0]


def from_reference(state: Mapping[str, Tensor]) -> nn.Module:
    """The network of ours that ``state`` belongs to, with copies of its weights, in their own precision.

    Raises:
        Mistake: as :func:`infer`; nothing is ever loaded by halves.
    """
    blueprint, theirs = _opened(state)
    with torch.device("meta"):
        network = blueprint.build()
    names = _names(blueprint.architecture, network, dropout=blueprint.dropout)
    network.load_state_dict({ours: theirs[name].detach().clone() for ours, name in names.items()}, assign=True)
    return network


def to_reference(network: nn.Module, *, dropout: bool = False) -> dict[str, Tensor]:
    """The weights of ``network`` on the CPU under the public implementation's names, for ``torch.save``.

    dropout: name a ResNet's layers as they are called in a network with dropout, which its test script
        expects unless it is told ``--no_dropout``.

    Raises:
        Mistake: if the public implementation has no such network (as with resize-convolutions).
    """
    unknown = Mistake(
        f"the public CycleGAN implementation has no such {type(network).__name__}: it has ResNet and U-Net generators, "
        "patch and pixel critics, with InstanceNorm or BatchNorm2d, without resize-convolutions or spectral norms"
    )
    found = _ARCHITECTURES.get(type(network))
    if found is None:
        raise unknown
    weights = network.state_dict()
    state = {
        name: weights[ours].detach().cpu().clone(memory_format=torch.contiguous_format)
        for ours, name in _names(found, network, dropout=dropout).items()
    }
    try:
        blueprint = infer(state)
    except Mistake:
        raise unknown from None
    # Names and shapes do not say everything: other normalisations would be taken for instance norm over there.
    with torch.device("meta"):
        if repr(blueprint.build()) != repr(network):
            raise unknown
    return state


def read_reference(path: str | Path) -> dict[str, Tensor]:
    """The complete weights in a file of the public implementation; nothing in the file is run.

    Raises:
        Mistake: if the file cannot be read, is damaged, or holds something else.
    """
    state = _read(expanded(path))
    if not _is_state(state):
        raise Mistake(f"{path}: no file of weights of the public CycleGAN implementation")
    try:
        infer(state)
    except Mistake as mistake:
        raise Mistake(f"{path}: {mistake}") from None
    return dict(state)


def _read(path: Path) -> Any:
    try:
        path.open("rb").close()
    except OSError as error:
        raise Mistake(f"{path}: cannot be read ({error.strerror})") from error
    try:
        if zipfile.is_zipfile(path):  # a file from before torch 1.6 is none
            with zipfile.ZipFile(path) as archive:  # torch itself does not compare the check sums
                if broken := archive.testzip():
                    raise zipfile.BadZipFile(broken)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail anywhere in torch, zip or pickle
        raise Mistake(f"{path}: no file of weights, or damaged ({type(error).__name__})") from error


def _is_state(content: object) -> TypeGuard[Mapping[str, Tensor]]:
    return isinstance(content, Mapping) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    )


def _opened(state: Mapping[str, Tensor]) -> tuple[Blueprint, dict[str, Tensor]]:
    """The blueprint, and the very tensors that it takes; raises Mistake where they differ."""
    theirs = _bare(state)
    blueprint = read(theirs)
    with torch.device("meta"):
        network = blueprint.build()
    mine = network.state_dict()
    wanted = {name: mine[ours] for ours, name in _names(blueprint.architecture, network, blueprint.dropout).items()}
    # BatchNorms counted no batches before torch 0.4.1.
    theirs = {name: torch.tensor(0) for name in wanted if name.endswith("num_batches_tracked")} | theirs
    strange = [f"{name} is missing" for name in wanted if name not in theirs]
    strange += [
        f"{name} is {_say(theirs[name])} and not {_say(tensor)}"
        for name, tensor in wanted.items()
        if name in theirs and _say(theirs[name]) != _say(tensor)
    ]
    strange += [f"{name} is too much" for name in theirs if name not in wanted]
    if strange:
        more = " ..." if len(strange) > 3 else ""
        raise Mistake(f"not a whole {type(network).__name__}: {'; '.join(strange[:3])}{more}")
    return blueprint, theirs


def _say(tensor: Tensor) -> str:
    return f"{list(tensor.shape)}{'' if tensor.is_floating_point() else ' of whole numbers'}"


def _bare(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``state`` without DataParallel's prefix and without the running statistics of instance norms."""
    bare = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    return {
        key: tensor
        for key, tensor in bare.items()
        if not key.endswith(statistics) or f"{key.rpartition('.')[0]}.weight" in bare
    }


def _names(found: Architecture, network: nn.Module, dropout: bool) -> dict[str, str]:
    """Our keys of ``network`` and the public implementation's."""
    if isinstance(network, UNetGenerator):
        places = _unet_places(len(network.down))
        split = {ours: ours.rpartition(".") for ours in network.state_dict()}
        return {ours: f"{places.get(layer, layer)}.{leaf}" for ours, (layer, _, leaf) in split.items()}
    outer = {"resnet": "model.", "patchgan": "model.", "pixel": "net."}[found]
    names = {
        ours: ours.replace("layers.", outer, 1).replace(".residual.", ".conv_block.") for ours in network.state_dict()
    }
    if not dropout:
        return names
    # Dropout stands between the first four and the last three layers of a block, and has no weights itself.
    return {
        ours: re.sub(r"(?<=conv_block\.)[4-6]", lambda digit: str(int(digit[0]) + 1), name)
        for ours, name in names.items()
    }


def _unet_places(downs: int) -> dict[str, str]:
    """Our layers with weights and theirs, whose every block holds the next smaller one between its own two halves."""
    places = {"down.0.0": "model.model.0", f"up.{downs - 1}.1": "model.model.3"}
    block = "model.model.1.model"
    for level in range(1, downs - 1):
        places |= {f"down.{level}.1": f"{block}.1", f"down.{level}.2": f"{block}.2"}
        places |= {f"up.{downs - 1 - level}.1": f"{block}.5", f"up.{downs - 1 - level}.2": f"{block}.6"}
        block += ".3.model"
    return places | {f"down.{downs - 1}.1": f"{block}.1", "up.0.1": f"{block}.3", "up.0.2": f"{block}.4"}
