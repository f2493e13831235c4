"""One picture inside a page, kept within a number of bytes. Needs no torch."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

_SMALLEST = 64  # pixels: below that there is nothing to see
_QUALITY = 85


def embed(path: Path, budget: int) -> str:
    """The picture as a data address of about ``budget`` bytes at most: as it is, else smaller, as a JPEG."""
    room = budget * 3 // 4  # base64 writes three bytes as four letters
    content = path.read_bytes()
    if len(content) <= room:
        return _address("png", content)
    with Image.open(path) as stored:
        picture = stored.convert("RGB")
    side = max(picture.size)
    content = _jpeg(picture, side)
    while len(content) > room and side > _SMALLEST:
        side = side * 4 // 5
        content = _jpeg(picture, side)
    return _address("jpeg", content)


def _jpeg(picture: Image.Image, side: int) -> bytes:
    small = picture.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    # Not optimized: Pillow's buffer is too small for that where a picture is little but noise.
    small.save(stream, format="JPEG", quality=_QUALITY)
    return stream.getvalue()


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
