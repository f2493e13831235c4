"""What is in image files, and what becomes of it."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atelier.data.picture import content_of
from atelier.reason import said
from atelier.types import Mistake

# Levels of larger pictures are not kept until the next ones are decoded.
_SMALL = 2**19

# What is wrong with the machine or the network rather than with a file, which would be left out for good.
_PASSING = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT}


@dataclass(frozen=True, slots=True)
class Decoder:
    """How the contents of files become pictures.

    decode: the picture in a content, at its own size, ``[H, W, c]`` uint8.
    fit: several of one size, ``[N, H, W, c]``, as they are kept, ``[N, C, h, w]`` uint8.
    settings: all that the outcome depends on besides the content: what a block is found again by.
    size: bytes of every picture that is kept, None where they differ.
    """

    decode: Callable[[bytes], NDArray[np.uint8]]
    fit: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    settings: Mapping[str, Any]
    size: int | None = None


class Found(NamedTuple):
    """One file.

    name: as it was given.
    content: a digest of its bytes, or the reason why they cannot be had.
    picture: what is in it, or the reason why there is none.
    """

    name: str
    content: str
    picture: NDArray[np.uint8] | str


def found_in(files: Iterable[tuple[str, Path]], decoder: Decoder) -> Iterator[Found]:
    """Each of ``files`` (name and path), in order, its picture as it is kept.

    Small ones of one size that follow one another are fitted at once: threads that had to get the interpreter back
    after every step of every picture would wait as long as they work.

    Raises Mistake where the machine, and not a file, keeps it from being read.
    """
    decoded = (_decoded(name, path, decoder) for name, path in files)
    for _, alike in groupby(decoded, _alike):
        yield from _fitted(list(alike), decoder)


def _decoded(name: str, path: Path, decoder: Decoder) -> Found:
    """The file with its picture at its own size."""
    digest = ""
    try:
        with content_of(path) as content:
            digest = hashlib.sha256(content).hexdigest()  # most processors have instructions for it
            return Found(name, digest, decoder.decode(content))
    except Exception as error:  # A broken file can raise anything out of a decoder.
        reason = _reason(error, path)
        return Found(name, digest or reason, reason)


def _alike(found: Found) -> tuple[int, ...] | str:
    """Equal for files whose pictures can be fitted at once."""
    picture = found.picture
    return found.name if isinstance(picture, str) or picture.nbytes > _SMALL else picture.shape


def _fitted(alike: list[Found], decoder: Decoder) -> list[Found]:
    """Files whose pictures are of one size (or a single one), with these as they are kept."""
    levels = [found.picture for found in alike if not isinstance(found.picture, str)]
    if not levels:
        return alike
    try:
        # No copy of a large one.
        fitted = decoder.fit(levels[0][None] if len(levels) == 1 else np.stack(levels))
        return [found._replace(picture=picture) for found, picture in zip(alike, fitted, strict=True)]
    except Exception as error:
        reason = _reason(error, alike[0].name)
        return [found._replace(picture=reason) for found in alike]


def _reason(error: Exception, file: str | Path) -> str:
    """Why there is no picture in ``file``; Mistake where that is not the file's fault."""
    reason = said(error)
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _PASSING):
        raise Mistake(f"{file}: cannot be read now ({reason}); if that stays so, take the file away") from error
    return reason
