"""In which numbers a run computes: the short words for it, and what a machine cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import Trainer
from pytorch_lightning.accelerators import CPUAccelerator

_SHORT = {"64": "64-true", "32": "32-true", "16": "16-mixed", "bf16": "bf16-mixed"}


def settle(cfg: DictConfig) -> None:
    """Write ``trainer.precision`` as Lightning calls it: 32 and bf16 become 32-true and bf16-mixed."""
    if (word := str(cfg.trainer.get("precision"))) in _SHORT:
        cfg.trainer.precision = _SHORT[word]


def unsuitable(cfg: DictConfig, trainer: Trainer) -> list[str]:
    """What is wrong with the precision, or with computing in it on the trainer's device."""
    mistakes = []
    precision = cfg.trainer.precision
    if precision in ("16-true", "bf16-true"):
        half = precision.removesuffix("true")
        mistakes.append(f"trainer.precision={precision}: weights of 16 bits lose small steps; {half}mixed keeps them")
    if precision == "16-mixed" and isinstance(trainer.accelerator, CPUAccelerator):
        # Lightning would take bf16-mixed in its place and say so in one line among others.
        mistakes.append(
            "trainer.precision=16-mixed: float16 with scaled losses is for graphics processors, and this run is on the "
            "processor; bf16-mixed or 32"
        )
    fused = [name for name, part in cfg.model.items() if isinstance(part, DictConfig) and part.get("fused")]
    clips = {
        "model.clip": precision == "16-mixed" and cfg.model.get("clip"),
        # Lightning's own clipping, for optimizers that it steps, looks at nothing but their being fused.
        "trainer.gradient_clip_val": precision in ("16-mixed", "bf16-mixed") and cfg.trainer.get("gradient_clip_val"),
    }
    mistakes += [
        f"trainer.precision={precision} with {clip}: a fused optimizer unscales gradients too late to be clipped; "
        f"add model.{fused[0]}.fused=false"
        for clip, asked in clips.items()
        if asked and fused
    ]
    if not isinstance(cfg.get("tf32"), bool | None):
        mistakes.append(f"tf32={cfg.tf32}: true, false, or null for what torch does by itself")
    return mistakes


@contextmanager
def multiplying(tf32: bool | None) -> Iterator[None]:
    """Products of float32 on CUDA devices with inputs rounded to 10 bits (TF32: true), or in full (false).

    None leaves what torch has chosen: TF32 in convolutions, full products of matrices.
    """
    if tf32 is None:
        yield
        return
    backends: Any = torch.backends  # some of its parts are made at run time
    places = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn)
    former = [place.fp32_precision for place in places]
    for place in places:
        place.fp32_precision = "tf32" if tf32 else "ieee"
    try:
        yield
    finally:
        for place, precision in zip(places, former, strict=True):
            place.fp32_precision = precision
