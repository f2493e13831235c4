"""``gradient_checkpointing=true``: large images in less memory, for more time."""

from __future__ import annotations

import torch
from omegaconf import DictConfig
from torch import nn

from atelier.config.build import build
from atelier.config.dry_run import quiet
from atelier.network.recompute import forget
from atelier.types import Mistake


def gradient_checkpointing_mistakes(cfg: DictConfig) -> list[str]:
    """Why there is nothing to save, if that is asked for: only then is ``cfg.model`` built."""
    wanted = cfg.get("gradient_checkpointing", False)
    if not isinstance(wanted, bool):
        return [f"gradient_checkpointing={wanted}: true or false"]
    if not wanted:
        return []
    try:
        with quiet(), torch.device("meta"):
            enable_gradient_checkpointing(cfg, build(cfg.model))
    except Mistake as mistake:
        return [str(mistake)]
    return []


def enable_gradient_checkpointing(cfg: DictConfig, model: nn.Module) -> None:
    """Have the segments of ``model`` forget what is between their ends, where ``cfg`` asks for it.

    Raises:
        Mistake: if its networks have none, or none that can.
    """
    if not cfg.get("gradient_checkpointing", False):
        return
    segments = forget(model)
    if not segments:
        raise Mistake(
            "gradient_checkpointing=true: none of these networks can compute its inside again (CycleGAN's generators "
            "can: resnet_6blocks, resnet_9blocks, unet_128, unet_256); model.parts=2 saves memory in a GAN"
        )
    if cfg.get("compile", False) and any(list(segment.buffers()) for segment in segments):
        raise Mistake(
            "gradient_checkpointing=true with compile=true: what is compiled cannot compute BatchNorm a second time; "
            "leave one of the two out, or take another generator.norm"
        )
