"""What stands where in a shard: a tar file in which files of one sample share a name (WebDataset's form)."""

from __future__ import annotations

import json
import logging
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray

from atelier.data import picture
from atelier.data.names import few, printable
from atelier.types import Mistake

log = logging.getLogger(__name__)

_PICTURES = {"jpg", "jpeg", "png", "webp"}
_LABEL = "cls"

# A class number has a few digits: a longer file is something else.
_LONGEST_LABEL = 20


@dataclass(frozen=True)
class Index:
    """The pictures of one shard, in its order: where each begins, how long it is, and its class (-1 for none)."""

    names: list[str]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def to_json(self) -> str:
        """The same as text."""
        columns = [column.tolist() for column in (self.offsets, self.lengths, self.labels)]
        return json.dumps([self.names, *columns])


def from_json(text: str) -> Index:
    """What :meth:`Index.to_json` wrote."""
    names, *columns = json.loads(text)
    return Index(names, *(np.array(column, dtype=np.int64) for column in columns))


def read_index(file: IO[bytes], shown: str) -> Index:
    """Go through the headers of ``file``; the pictures themselves stay unread, and nothing is ever unpickled.

    A sample is what shares a name up to the first dot of its last part, as in ``deep/0001.jpg`` and
    ``deep/0001.cls``; of its files the picture and the class number count. What cannot be read is named and skipped:
    the rest of a shard that is cut off, and samples without a picture.

    shown: the shard as the user named it.

    Raises:
        Mistake: if the file is no tar file, is compressed, or holds no picture.
    """
    names: list[str] = []
    rows: list[tuple[int, int, int]] = []
    lost: list[str] = []
    for key, sample in _samples(file, shown, lost):
        found = next((sample[kind] for kind in sample if kind in _PICTURES), None)
        if found is None:
            lost.append(f"{key} (no JPEG, PNG or WebP)")
            continue
        names.append(key)
        rows.append((found.offset_data, found.size, _label(file, sample.get(_LABEL))))
    if not names:
        raise Mistake(f"{shown}: no sample with a picture in this shard ({', '.join(sorted(_PICTURES))} count)")
    if lost:
        log.warning("%s: %d samples are left out: %s", printable(shown), len(lost), few(lost))
    table = np.array(rows, dtype=np.int64)
    return Index(names, table[:, 0], table[:, 1], table[:, 2])


def _samples(file: IO[bytes], shown: str, lost: list[str]) -> Iterator[tuple[str, dict[str, tarfile.TarInfo]]]:
    """Neighbours of one name, by their endings; those that lie whole in the file."""
    whole, most, last = os.fstat(file.fileno()).st_size, picture.most_bytes(), ""
    sample: dict[str, tarfile.TarInfo] = {}
    for member in _members(file, shown):
        key, kind = _named(member.name)
        if not member.isreg() or not kind or PurePosixPath(member.name).name.startswith("."):
            continue
        if key != last and sample:
            yield last, sample
            sample = {}
        last = key
        if member.offset_data + member.size > whole:
            lost.append(f"{member.name} (cut off)")
        elif member.size > most:
            lost.append(f"{member.name} ({member.size:,} bytes are no picture)")
        else:
            sample[kind] = member
    if sample:
        yield last, sample


def _members(file: IO[bytes], shown: str) -> Iterator[tarfile.TarInfo]:
    try:
        # "r:" refuses compression, in which no place can be found again.
        with tarfile.open(fileobj=file, mode="r:") as archive:
            try:
                yield from archive
            except tarfile.TarError as error:
                log.warning("%s: broken, its rest is left out (%s)", printable(shown), error)
    except tarfile.TarError as error:
        raise Mistake(f"{shown}: no uncompressed tar file ({error})") from error


def _named(path: str) -> tuple[str, str]:
    """The sample's name and the kind of file, as WebDataset splits ``deep/a.seg.png``: ``deep/a`` and ``seg.png``."""
    folder, slash, name = path.rpartition("/")
    stem, _, kind = name.partition(".")
    return f"{folder}{slash}{stem}", kind.lower()


def _label(file: IO[bytes], member: tarfile.TarInfo | None) -> int:
    """The class number in a ``.cls`` file, -1 where there is none."""
    if member is None or member.size > _LONGEST_LABEL:
        return -1
    file.seek(member.offset_data)
    text = file.read(member.size).strip()
    return int(text) if text.isdigit() else -1
