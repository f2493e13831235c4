from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest
import torch

from atelier.data.idx import read_idx
from atelier.types import Mistake

NUMBERS = bytes(range(24))
WHOLE = struct.pack(">HBBIII", 0, 8, 3, 2, 3, 4) + NUMBERS


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_plain_and_zipped_files_are_read(tmp_path: Path, pack) -> None:
    (tmp_path / "file").write_bytes(pack(WHOLE))
    read = read_idx(tmp_path / "file")
    assert read.shape == (2, 3, 4)
    assert read.dtype == torch.uint8
    assert bytes(read.flatten().tolist()) == NUMBERS


@pytest.mark.parametrize(
    "broken",
    {
        "empty": b"",
        "cut header": WHOLE[:6],
        "cut body": WHOLE[:-1],
        "too long": WHOLE + b"x",
        "floats": struct.pack(">HBBI", 0, 13, 1, 1) + b"0000",
        "no dimension": struct.pack(">HBB", 0, 8, 0),
        "no image": struct.pack(">HBBI", 0, 8, 1, 0),
        "text": b"<html>not found</html>",
        "cut zip": gzip.compress(WHOLE)[:-12],
        "bad zip": gzip.compress(WHOLE)[:12] + b"garbage and more of it",
        "zip of nothing": b"\x1f\x8b",
    }.items(),
    ids=lambda item: item[0],
)
def test_broken_files_are_named(tmp_path: Path, broken: tuple[str, bytes]) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(broken[1])
    with pytest.raises(Mistake, match=r"train-images-idx3-ubyte\.gz: not a whole IDX file"):
        read_idx(path)
