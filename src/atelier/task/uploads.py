"""A stranger's file, looked at before anything is made of it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from atelier.data.picture import open_upright
from atelier.types import Mistake

_NO_PICTURE = "This file is not a picture that can be read. JPEG, PNG and WebP can."


class Limits(NamedTuple):
    """What is taken: pictures of at most so many megapixels, whose longer side is then brought down to ``side``."""

    megapixels: int
    side: int


def open_upload(path: str | Path, limits: Limits) -> Image.Image:
    """The picture in the file ``path``, upright, in colour, no larger than ``limits`` say.

    Raises:
        Mistake: if it holds no picture, or too large a one. The text names neither the file nor a folder.
    """
    file = Path(path)
    wide, high = _claimed(file)
    if wide * high > limits.megapixels * 10**6:
        raise Mistake(
            f"This picture has {round(wide * high / 1e6)} megapixels; this page takes up to {limits.megapixels}. "
            "Please choose a smaller one."
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # broken EXIF blocks
            picture = open_upright(file, 3)
    except Exception as error:  # a broken file can raise anything out of a decoder
        raise Mistake("This picture is damaged and cannot be read.") from error
    picture.thumbnail((limits.side, limits.side), Image.Resampling.LANCZOS)
    return picture


def centre_square(picture: Image.Image, side: int) -> Image.Image:
    """The largest square in the middle of ``picture``, resized to ``side`` pixels."""
    edge = min(picture.size)
    left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
    box = (left, top, left + edge, top + edge)
    # Not resize(box=...), whose filter looks over the edge of the square.
    square = picture.crop(box)
    return square if edge == side else square.resize((side, side), Image.Resampling.BICUBIC)


def _claimed(file: Path) -> tuple[int, int]:
    """Width and height as the file's first bytes say, before anything is decoded."""
    try:
        # Pillow warns of large pictures; whether they are too large is decided here.
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=("JPEG", "PNG", "WEBP")) as opened:
            return opened.size
    except Image.DecompressionBombError as error:
        raise Mistake("This picture has far too many pixels. Please choose a smaller one.") from error
    except Exception as error:  # as above
        raise Mistake(_NO_PICTURE) from error
