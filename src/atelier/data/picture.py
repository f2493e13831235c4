"""One image file, whatever it holds, as a square of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# Larger ones are refused before they are decoded: a small file can claim gigabytes of pixels.
MOST_PIXELS = 50_000_000

# Pillow looks at the content, not at the name; its other, older decoders have no business with a stranger's
# files.
_FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True, slots=True)
class Shape:
    """What pictures are brought to.

    image_size: side of the square in pixels.
    channels: 1 (luma) or 3.
    crop: side of the centre square that is cut out of the upright picture, None for the largest that fits.
    """

    image_size: int
    channels: int
    crop: int | None = None


def read(path: Path, shape: Shape) -> NDArray[np.uint8]:
    """The file's (first) picture, ``[C, S, S]``: upright, cut to a centre square and resized.

    Resizing is bicubic and antialiased. Raises as :func:`open_upright` does.
    """
    picture = open_upright(path, shape.channels)
    side = min(picture.width, picture.height, shape.crop or picture.width)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    # Cropping before resizing keeps what lies outside from bleeding in, and resizes less.
    picture = picture.crop((left, top, left + side, top + side))
    if side != shape.image_size:
        picture = picture.resize((shape.image_size, shape.image_size), Image.Resampling.BICUBIC)
    pixels = np.asarray(picture, dtype=np.uint8).reshape(shape.image_size, shape.image_size, shape.channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def open_upright(path: Path, channels: int) -> Image.Image:
    """The file's (first) picture at its own size, upright as its camera was held, in mode L (1 channel) or RGB.

    Transparency is laid on white, 16-bit grey is divided by 257, CMYK and palettes become RGB.

    Raises whatever Pillow finds wrong with the file, and ValueError above 50 megapixels.
    """
    with Image.open(path, formats=_FORMATS) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError(f"{opened.width} x {opened.height} is more than {MOST_PIXELS // 10**6} megapixels")
        return _flat(ImageOps.exif_transpose(opened)).convert("L" if channels == 1 else "RGB")


def _flat(picture: Image.Image) -> Image.Image:
    """The picture in 8 bits a channel and without transparency."""
    if picture.mode.startswith("I"):
        levels = np.asarray(picture).astype(np.float32) / 257.0
        return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
