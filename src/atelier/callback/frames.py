"""Pictures inside a page, kept within a number of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from atelier.callback.embed import embed
from atelier.callback.gallery import epoch_in
from atelier.callback.pictures import Caption, read_caption
from atelier.callback.score_history import whole


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
    found = sorted((epoch, path) for path in folder.glob("epoch_*.png") if (epoch := epoch_in(path.stem)) is not None)
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
