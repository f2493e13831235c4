"""Pictures as files: read for translation, written under their endings."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from atelier.data.picture import most_pixels, open_upright
from atelier.reason import said
from atelier.task.jobs import SUFFIXES
from atelier.whole_file import replacing

# Of a thread of pixels even one tile's padding would be many times the picture. No JPEG is longer either.
_LONGEST = 65_535

_SAVING = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"quality": 95, "method": 4},
}


def open_picture(path: Path, channels: int, size: int | None) -> Image.Image | str:
    """The picture, upright, its shorter side brought to ``size`` pixels (None: its own), or why it cannot be read.

    channels: 1 (mode L) or 3 (RGB).
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # broken EXIF blocks, sizes near Pillow's own limit
            return _resized(open_upright(path, channels), size)
    except Exception as error:  # a broken file can raise anything out of a decoder
        return said(error)


def _resized(picture: Image.Image, size: int | None) -> Image.Image:
    wide, high = picture.size
    if size is not None:
        short = min(wide, high)
        wide, high = (max(1, round(side * size / short)) for side in (wide, high))
    if max(wide, high) > _LONGEST or wide * high > most_pixels():
        raise ValueError(f"{wide} x {high} would be too large to translate")
    return picture if picture.size == (wide, high) else picture.resize((wide, high), Image.Resampling.BICUBIC)


def to_tensor(picture: Image.Image) -> Tensor:
    """``[C, H, W]`` uint8."""
    pixels = torch.from_numpy(np.array(picture))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)


def to_picture(image: Tensor) -> Image.Image:
    """The picture that ``image`` (uint8 ``[C, H, W]``, 1 or 3 channels) is."""
    pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    return Image.fromarray(pixels.contiguous().numpy())


def write_png(image: Tensor, path: Path) -> None:
    """Put ``image`` (as above) at ``path``, whole or not at all."""
    with replacing(path) as stream:
        to_picture(image).save(stream, format="PNG")


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Both in one picture, which is grey if both are."""
    mode = "L" if left.mode == right.mode == "L" else "RGB"
    both = Image.new(mode, (left.width + right.width, left.height))
    both.paste(left.convert(mode), (0, 0))
    both.paste(right.convert(mode), (left.width, 0))
    return both


def write(picture: Image.Image, path: Path) -> str | None:
    """Put ``picture`` at ``path``, whole or not at all, or say why its format cannot hold it.

    Raises OSError where the folder cannot be written to.
    """
    kind, stream = SUFFIXES[path.suffix.lower()], io.BytesIO()
    try:
        picture.save(stream, format=kind, **_SAVING[kind])
    except (OSError, ValueError) as error:  # into memory: it is the format that has a limit
        return f"cannot be written as {kind}: {' '.join(str(error).split())}"
    with replacing(path) as file:
        file.write(stream.getbuffer())
    return None
