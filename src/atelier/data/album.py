"""Many image files decoded once, kept as one memory-mapped block."""

from __future__ import annotations

import functools
import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from torch import Tensor

from atelier.counted import counted
from atelier.data import cache, picture
from atelier.data.album_place import Contents, Place
from atelier.data.decoder import Decoder
from atelier.data.names import few, few_reasons, printable
from atelier.data.ragged import Ragged
from atelier.data.reading import read_all
from atelier.data.write_out import written_out
from atelier.types import Mistake

log = logging.getLogger(__name__)

T = TypeVar("T")

_UNREADABLE = "unreadable.txt"


class Album(NamedTuple):
    """The readable ones of some files: pixels ``[N, C, S, S]`` uint8, memory-mapped, and names in order."""

    pixels: Tensor
    names: list[str]


class RaggedAlbum(NamedTuple):
    """The readable ones of some files at sizes of their own, memory-mapped, and names in order.

    pixels: ``[N, C, H, W]`` uint8 where all sizes happen to be equal.
    """

    pixels: Tensor | Ragged
    names: list[str]


def open_album(files: Mapping[str, str | Path], shape: picture.Shape, what: str) -> Album:
    """The pictures of ``files`` (name to path), from the cache or decoded into it.

    A block is found again by names and contents of its files, and by ``shape``. Files that cannot be read are left
    out: a warning counts them, once in a process, and ``unreadable.txt`` in the block's folder lists each with its
    reason.

    what: the data as the user named it, for messages.

    Raises Mistake where no file can be read, or the cache cannot be written.
    """
    extent = (shape.channels, shape.image_size, shape.image_size)
    decode, fit = partial(picture.decode_levels, channels=shape.channels), partial(picture.fit, shape=shape)
    decoder = Decoder(decode, fit, asdict(shape), math.prod(extent))
    block, names = _opened(files, decoder, what)
    return Album(torch.from_numpy(_mapped(block, (len(names), *extent))), names)


def open_ragged_album(files: Mapping[str, str | Path], decoder: Decoder, what: str) -> RaggedAlbum:
    """As :func:`open_album`, of pictures that keep the sizes that ``decoder`` gives them."""
    block, names = _opened(files, decoder, what)
    shapes: list[list[int]] = json.loads((block / "shapes.json").read_text())
    if all(shape == shapes[0] for shape in shapes):
        return RaggedAlbum(torch.from_numpy(_mapped(block, (len(names), *shapes[0]))), names)
    total = sum(channels * height * width for channels, height, width in shapes)
    return RaggedAlbum(Ragged(torch.from_numpy(_mapped(block, (total,))), torch.tensor(shapes)), names)


def _opened(files: Mapping[str, str | Path], decoder: Decoder, what: str) -> tuple[Path, list[str]]:
    """The block's folder, built where it was not, and the names of its pictures."""
    place = Place(files, [picture.DECODING, picture.most_pixels(), dict(decoder.settings)])
    # A block is whole wherever it exists, so readers need no lock (and may have no right to make one).
    block = place.find()
    if block is None:
        with cache.lock(place.sketch):
            block = place.find() or _built(place, decoder, what)
    _say_lost(block, what)
    return block, json.loads((block / "names.json").read_text())


def _mapped(block: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    # Copy on write: torch warns of arrays that cannot be written to, and nobody writes to this one.
    return np.memmap(block / "pixels.u8", np.uint8, mode="c", shape=shape)


def _built(place: Place, decoder: Decoder, what: str) -> Path:
    log.info("%s: decoding %d images into %s", what, len(place.files), place.new)
    with cache.whole(place.new, place.sketch) as building:
        _decode(place.files, decoder, building, what)
    place.remember(place.new)
    return place.new


@functools.cache
def _say_lost(block: Path, what: str) -> None:
    """Warn of the files that could not be read: also those who find the block made, but nobody twice."""
    listed = block / _UNREADABLE
    if listed.exists():
        lost = [" (".join(line.split("\t")) + ")" for line in listed.read_text(encoding="utf-8").splitlines()]
        left_out = f"{counted(len(lost), 'image')} cannot be read and {'is' if len(lost) == 1 else 'are'} left out"
        log.warning("%s: %s, listed in %s: %s", what, left_out, listed, few(lost))


def _decode(files: Mapping[str, str | Path], decoder: Decoder, building: Path, what: str) -> None:
    """Write the block's files."""
    contents = Contents()
    names: list[str] = []
    shapes: list[tuple[int, ...]] = []
    unreadable: dict[str, str] = {}
    with written_out(building / "pixels.u8") as append:
        for name, content, found in _watched(read_all(files, decoder), len(files), what):
            contents.add(content)
            if isinstance(found, str):
                unreadable[name] = found
            else:
                append(found.data)
                names.append(name)
                shapes.append(found.shape)
    if not names:
        raise Mistake(f"{what}: none of its {len(files)} images can be read: {few_reasons(unreadable)}")
    contents.write(building)
    (building / "names.json").write_text(json.dumps(names))
    (building / "shapes.json").write_text(json.dumps(shapes))
    if unreadable:
        lines = "".join(f"{printable(name)}\t{printable(reason)}\n" for name, reason in unreadable.items())
        (building / _UNREADABLE).write_text(lines, encoding="utf-8")


def _watched(items: Iterator[T], total: int, what: str) -> Iterable[T]:
    """``items``, with a bar of how many have passed where somebody sits at a terminal."""
    console = Console(stderr=True)
    said = escape(f"{what}: decoding")
    return track(items, said, total, console=console, transient=True, disable=not console.is_terminal)
