"""index.html: translations beside their pictures, in one file that needs no other to be looked at."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from PIL import Image

from atelier.data.names import printable
from atelier.template import template
from atelier.whole_file import write_text

MOST = 120
"""Pictures that a page shows: with two thumbnails of about 20 kB each it stays below 10 MB."""

_SIDE, _QUALITY = 400, 85


class Card(NamedTuple):
    """A translation on the page.

    name: as the picture is called; href: its file's address, relative to the page.
    thumbnails: data addresses, the picture's and the translation's, or the one of both side by side.
    size: width and height in pixels.
    """

    name: str
    href: str
    thumbnails: tuple[str, ...]
    size: tuple[int, int]


def card(name: str, pictures: Sequence[Image.Image]) -> Card:
    """What the page keeps of a picture and its translation, or of the one picture that shows both."""
    side = _SIDE * (3 - len(pictures))
    thumbnails = tuple(_thumbnail(picture, side) for picture in pictures)
    return Card(printable(name), quote(os.fsencode(name)), thumbnails, pictures[-1].size)


def shown(count: int) -> set[int]:
    """Which of ``count`` pictures a page shows: at most :data:`MOST`, evenly spread."""
    return {place * count // MOST for place in range(MOST)} if count > MOST else set(range(count))


def write_gallery(
    folder: Path, cards: Sequence[Card], *, total: int, facts: Mapping[str, str], unreadable: Mapping[str, str]
) -> Path:
    """Write ``folder``/index.html and return its path.

    total: translations in the folder. facts: what was done, by name. unreadable: reasons by the pictures' names.
    """
    page = template(Path(__file__).with_name("gallery.html.jinja"), escape=True).render(
        cards=cards,
        total=total,
        facts={name: printable(value) for name, value in facts.items()},
        unreadable={printable(name): printable(reason) for name, reason in unreadable.items()},
    )
    path = folder / "index.html"
    write_text(path, page)
    return path


def _thumbnail(picture: Image.Image, side: int) -> str:
    small = picture.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    # Not optimized: Pillow's buffer is too small for that where a picture is little but noise.
    small.save(stream, format="JPEG", quality=_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
