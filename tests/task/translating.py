"""Generators of a few weights, their checkpoints, and photographs for them to translate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from atelier.network.instance_norm import InstanceNorm
from atelier.network.resnet_generator import ResnetGenerator
from atelier.task.canvas import to_tensor

PART = {
    "_target_": "atelier.network.resnet_generator.ResnetGenerator",
    "in_channels": 3,
    "out_channels": 3,
    "width": 2,
    "blocks": 1,
    "norm": {"_target_": "atelier.network.instance_norm.InstanceNorm", "_partial_": True},
    "upsample": "transposed",
}


def generator(channels: int = 3, seed: int = 0) -> ResnetGenerator:
    chance = torch.Generator().manual_seed(seed)
    network = ResnetGenerator(
        in_channels=channels, out_channels=channels, width=2, blocks=1, norm=InstanceNorm, upsample="transposed"
    )
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3, generator=chance)
    return network.eval()


def checkpoint(file: Path, **parts: nn.Module) -> Path:
    """A checkpoint as training writes it, with critics that nothing can build."""
    model: dict[str, Any] = {"_target_": "atelier.nowhere.Nothing", "critic_a": {"_target_": "os.system"}}
    state: dict[str, Tensor] = {"critic_a.weight": torch.zeros(3)}
    for name, part in parts.items():
        channels = next(layer.in_channels for layer in part.modules() if isinstance(layer, nn.Conv2d))
        model[name] = PART | {"in_channels": channels, "out_channels": channels}
        state |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
    torch.save({"atelier": {"format": 1, "version": "0", "config": {"model": model}}, "state_dict": state}, file)
    return file


def photo(file: Path, width: int, height: int, mode: str = "RGB", **saving: Any) -> Path:
    chance = np.random.default_rng(width * height)
    coarse = Image.fromarray(chance.integers(0, 256, (4, 4, 4), dtype=np.uint8), "RGBA")
    file.parent.mkdir(parents=True, exist_ok=True)
    coarse.resize((width, height)).convert("RGB").convert(mode).save(file, **saving)
    return file


def pixels(file: Path) -> Tensor:
    with Image.open(file) as opened:
        return to_tensor(opened.convert("RGB"))


def made(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


REST = ["index.html", "translate.json", "translate.log"]
