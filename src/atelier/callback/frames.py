"""Pictures inside a page, kept within a number of bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from atelier.callback.gallery import epoch_of
from atelier.callback.pictures import Caption, read_caption
from atelier.callback.standing import whole

_SMALLEST = 64  # pixels: below that there is nothing to see
_QUALITY = 85


class Frame(NamedTuple):
    """A picture as a data address, and when it was drawn."""

    epoch: float | int
    source: str


class Study(NamedTuple):
    """A picture that stands for itself, as a data address."""

    caption: Caption
    source: str


def frames(folder: Path, *, most: int, budget: int) -> list[Frame]:
    """The samples in ``folder`` in the order of epochs: at most ``most``, evenly spread, with first and last.

    budget: bytes that they may take together on the page.
    """
    found = sorted((epoch, path) for path in folder.glob("epoch_*.png") if (epoch := epoch_of(path.stem)) is not None)
    chosen = _spread(found, most)
    return [Frame(whole(epoch), embed(path, budget // len(chosen))) for epoch, path in chosen]


def studies(folder: Path, *, budget: int) -> list[Study]:
    """The pictures in ``folder`` that have a caption and are neither frames nor the interpolation, by name."""
    others = (path for path in sorted(folder.glob("*.png")) if not path.stem.startswith(("epoch_", "interpolation")))
    found = [(caption, path) for path in others if (caption := read_caption(path)) is not None]
    return [Study(caption, embed(path, budget // len(found))) for caption, path in found]


def _spread(found: Sequence[tuple[float, Path]], most: int) -> list[tuple[float, Path]]:
    if len(found) <= most:
        return list(found)
    return [found[round(place * (len(found) - 1) / (most - 1))] for place in range(most)]


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
    small.save(stream, format="JPEG", quality=_QUALITY, optimize=True)
    return stream.getvalue()


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
