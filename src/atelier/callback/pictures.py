"""Pictures on their way to disk and to loggers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pytorch_lightning import Trainer
from pytorch_lightning.loggers.logger import Logger

from atelier.callback.atomic import sparing
from atelier.callback.picture import Drawn
from atelier.callback.recorder import clock_of, tell
from atelier.whole_file import replacing


class Caption(NamedTuple):
    """What a picture is called, and what is to be seen in it. It travels in the file."""

    title: str
    note: str


@runtime_checkable
class ImageLogger(Protocol):
    """A logger that takes pictures itself (Weights & Biases, Comet, MLflow)."""

    def log_image(self, key: str, images: list[Any], step: int | None = None, *, caption: list[str]) -> None:
        """Log ``images`` under ``key``, each with its caption."""
        ...


@runtime_checkable
class ImageWriter(Protocol):
    """What TensorBoard's logger holds as its experiment."""

    def add_image(self, tag: str, image: Drawn, global_step: int, *, dataformats: str) -> None:
        """Log ``image`` under ``tag``."""
        ...


def save(picture: Drawn, path: Path, caption: Caption | None = None) -> None:
    """Write ``picture`` ``[H, W, 3]`` to ``path`` as PNG."""
    words = PngInfo()
    for key, text in caption._asdict().items() if caption is not None else ():
        words.add_itxt(key, text)
    with replacing(path) as stream:
        Image.fromarray(picture).save(stream, format="PNG", optimize=True, pnginfo=words)


def keep(picture: Drawn, path: Path, caption: Caption | None = None) -> None:
    """As :func:`save`, while a run trains: a full disk costs it the picture and no more."""
    with sparing(path):
        save(picture, path, caption)


def read_caption(path: Path | None) -> Caption | None:
    """The caption that ``path`` was saved with, if it is there and has one."""
    if path is None or not path.exists():
        return None
    with Image.open(path) as picture:
        words = picture.info
    return Caption(str(words["title"]), str(words["note"])) if {"title", "note"} <= words.keys() else None


def show(trainer: Trainer, name: str, picture: Drawn, note: str) -> None:
    """Hand ``picture`` ``[H, W, 3]`` to every logger of ``trainer`` that takes pictures, whoever made it.

    note: what is to be seen in it.
    """
    step = clock_of(trainer).step

    def hand(logger: Logger) -> None:
        if isinstance(logger, ImageLogger):
            logger.log_image(name, [picture], step=step, caption=[note])
        elif isinstance(writer := getattr(logger, "experiment", None), ImageWriter):
            writer.add_image(name, picture, step, dataformats="HWC")

    tell(trainer, hand)
