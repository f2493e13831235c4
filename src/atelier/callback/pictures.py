"""Pictures on their way to disk and to loggers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PIL import Image
from pytorch_lightning.loggers.logger import Logger

from atelier.callback.atomic import replacing
from atelier.callback.picture import Drawn


@runtime_checkable
class ImageLogger(Protocol):
    """A logger that takes pictures itself (Weights & Biases, Comet, MLflow)."""

    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:
        """Log ``images`` under ``key``."""
        ...


@runtime_checkable
class ImageWriter(Protocol):
    """What TensorBoard's logger holds as its experiment."""

    def add_image(self, tag: str, image: Drawn, global_step: int, *, dataformats: str) -> None:
        """Log ``image`` under ``tag``."""
        ...


def save(picture: Drawn, path: Path) -> None:
    """Write ``picture`` ``[H, W, 3]`` to ``path`` as PNG."""
    with replacing(path) as stream:
        Image.fromarray(picture).save(stream, format="PNG", optimize=True)


def show(loggers: Iterable[Logger], name: str, picture: Drawn, step: int) -> None:
    """Hand ``picture`` ``[H, W, 3]`` to every logger that takes pictures, whoever made it."""
    for logger in loggers:
        if isinstance(logger, ImageLogger):
            logger.log_image(name, [picture], step=step)
        elif isinstance(writer := getattr(logger, "experiment", None), ImageWriter):
            writer.add_image(name, picture, step, dataformats="HWC")
