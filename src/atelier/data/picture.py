"""One image file, whatever it holds, as a square of bytes."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from simplejpeg import decode_jpeg

from atelier.data import jpeg
from atelier.data.orientation import upright
from atelier.data.resize import resized
from atelier.data.semaphore import WeightedSemaphore
from atelier.types import Mistake

DECODING = 4
"""To be raised when decoding changes, so that what was made of older pixels is not taken for new."""

# Larger ones are refused before they are decoded: a small file can claim gigabytes of pixels.
MOST_PIXELS = 50_000_000

_RAISED_BY = "ATELIER_MEGAPIXELS"

# Four channels of 16 bits that no encoder could shrink.
_BYTES_PER_PIXEL = 8

# However many threads read, together they hold no more than one file and have no more than one picture of the largest
# size in a decoder at a time, small ones aside; what comes out of it is not counted. Whoever wants both takes them in
# this order, so that nobody waits for somebody who waits.
_FILES, _PICTURES = WeightedSemaphore(_BYTES_PER_PIXEL * MOST_PIXELS), WeightedSemaphore(MOST_PIXELS)

# Pillow looks at the content, not at the name; its other, older decoders have no business with a stranger's
# files.
_FORMATS = ("JPEG", "PNG", "WEBP")

# A pipe is opened without waiting for its writer; Windows changes no line ends.
_TO_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Rows of a picture that Pillow hands over at a time.
_STRIP = 256

_TO_8_BITS = np.rint(np.arange(2**16) / 257).astype(np.uint8)


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


def most_pixels() -> int:
    """The largest picture that is opened: 50 megapixels, or as many as ATELIER_MEGAPIXELS says.

    Raises Mistake where that is no number of megapixels.
    """
    wished = os.environ.get(_RAISED_BY)
    if wished is None:
        return MOST_PIXELS
    if not wished.isascii() or not wished.isdigit() or int(wished) < 1:
        raise Mistake(f"{_RAISED_BY}={wished}: a whole number of megapixels, 1 or more")
    return int(wished) * 10**6


def most_bytes() -> int:
    """The largest file that is opened."""
    return _BYTES_PER_PIXEL * most_pixels()


def decode(content: bytes, shape: Shape) -> NDArray[np.uint8]:
    """The (first) picture in a file's ``content``, ``[C, S, S]``: upright, cut to a centre square and resized.

    Raises as :func:`open_upright` does.
    """
    found: NDArray[np.uint8] = fit(decode_levels(content, shape.channels)[None], shape)[0]
    return found


def fit(levels: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """Pictures of one size, ``[N, H, W, c]`` as :func:`decode_levels` has them, as ``[N, C, S, S]``.

    Resizing is :func:`~atelier.data.resize.resized`.
    """
    height, width = levels.shape[1:3]
    side = min(width, height, shape.crop or width)
    left, top = (width - side) // 2, (height - side) // 2
    # Cropping before resizing keeps what lies outside from bleeding in, and resizes less.
    return resized(levels[:, top : top + side, left : left + side], (shape.image_size, shape.image_size))


def decode_levels(content: bytes, channels: int) -> NDArray[np.uint8]:
    """The picture of :func:`open_upright`, of a file's ``content``, as numbers.

    ``[H, W, 1]`` (1 channel), or ``[H, W, 4]`` of red, green, blue and a byte that means nothing: processors are faster
    with four bytes than with three.

    Raises as :func:`open_upright` does.
    """
    limit = most_pixels()
    if channels == 3 and (found := _of_photograph(content, limit)) is not None:
        return found
    picture = _decoded(content, channels, limit)
    if channels == 1:
        return np.array(picture)[..., None]
    found = np.empty((picture.height, picture.width, 4), np.uint8)
    for top in range(0, picture.height, _STRIP):  # at once, it would be in memory three times
        strip = picture.crop((0, top, picture.width, min(top + _STRIP, picture.height)))
        numbers = np.frombuffer(strip.tobytes("raw", "RGBX"), np.uint8)
        found[top : top + _STRIP] = numbers.reshape(strip.height, strip.width, 4)
    return found


def open_upright(path: Path, channels: int) -> Image.Image:
    """The file's (first) picture at its own size, upright as its camera was held, in mode L (1 channel) or RGB.

    Transparency is laid on white, 16-bit grey is divided by 257, CMYK and palettes become RGB.

    Raises whatever Pillow finds wrong with the file, and ValueError for what is no file or is above
    :func:`most_pixels`, which says how to raise it.
    """
    with content_of(path) as content:
        return _decoded(content, channels, most_pixels())


@contextmanager
def content_of(path: Path) -> Iterator[bytes]:
    """What is in the file at ``path``, when it is its turn: within the block it counts as being in memory.

    Raises OSError, and ValueError for what is no file or larger than a picture of :func:`most_pixels` can be.
    """
    handle = _opened(path)
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise ValueError("not a file")
        size = state.st_size
        if size > most_bytes():
            raise ValueError(f"a file of {size:,} bytes is no picture of {most_pixels() // 10**6} megapixels")
        with _FILES.acquire(size):
            content = os.read(handle, size)
            while len(content) < size and (more := os.read(handle, size - len(content))):
                content += more  # what network disks may do, and files of gigabytes
            yield content
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """A handle of the file: each step by Python's file objects would let the interpreter go once more."""
    try:
        return os.open(path, _TO_READ)
    except OSError:
        if path.is_file():
            raise
        raise ValueError("not a file" if path.exists() else "no such file") from None


def _of_photograph(content: bytes, limit: int) -> NDArray[np.uint8] | None:
    """The levels of an ordinary JPEG, None for whatever is better left to Pillow.

    Both ask libjpeg-turbo and get the same levels. But this way nothing is copied, nor is the interpreter held
    meanwhile: at small photographs threads wait for one another's Pillow.
    """
    size = jpeg.ordinary(content)
    if size is None or size[0] * size[1] > limit:
        return None
    width, height = size
    with _PICTURES.acquire(width * height):
        into = np.empty((height, width, 4), np.uint8)  # and nothing larger, whatever the library takes the size for
        try:
            found = decode_jpeg(content, "RGBX", buffer=into, strict=True)
        except ValueError:  # damaged, though perhaps not beyond reading
            return None
    return into if found.shape == into.shape else None


def _decoded(content: bytes, channels: int, limit: int) -> Image.Image:
    """The picture in a file's ``content``."""
    exif = None
    if content.startswith(jpeg.START):
        content, exif = jpeg.stripped(content)
    if Image.MAX_IMAGE_PIXELS is not None and limit > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limit  # the user's word for what may be opened counts for Pillow too
    try:
        opened = Image.open(io.BytesIO(content), formats=_FORMATS)
    except Image.DecompressionBombError as error:  # Pillow's own bound, which is wider by default
        claimed = re.search(r"\d+", str(error))
        raise _too_large(int(claimed[0]) if claimed else limit, limit) from None
    except UnidentifiedImageError:  # whose text is about the stream
        raise ValueError("not a JPEG, PNG or WebP picture, or broken at its beginning") from None
    with opened:
        if opened.width * opened.height > limit:
            raise _too_large(opened.width * opened.height, limit, f"{opened.width} x {opened.height} is")
        with _PICTURES.acquire(opened.width * opened.height):
            opened.load()
            told = opened.info.get("exif") if exif is None else exif
            wanted, flat = "L" if channels == 1 else "RGB", _flat(opened)
            shown = flat if flat.mode == wanted else flat.convert(wanted)
            return upright(shown, told if isinstance(told, bytes) else b"")


def _too_large(pixels: int, limit: int, said: str | None = None) -> ValueError:
    said = said or f"{pixels:,} pixels are"
    return ValueError(
        f"{said} more than {limit // 10**6} megapixels; if you trust the file, let it in by {_RAISED_BY}="
        f"{-(-pixels // 10**6)} in the environment"
    )


def _flat(picture: Image.Image) -> Image.Image:
    """The picture in 8 bits a channel and without transparency."""
    if picture.mode.startswith("I"):
        return Image.fromarray(_TO_8_BITS[np.asarray(picture).clip(0, 2**16 - 1)])
    if not picture.has_transparency_data:
        return picture
    if picture.mode != "RGBA":  # converting would make another copy
        picture = picture.convert("RGBA")
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground
