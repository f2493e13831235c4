"""The IDX format of MNIST (http://yann.lecun.com/exdb/mnist/): big-endian lengths, then the numbers."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import torch
from torch import Tensor

from atelier.types import Mistake

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTES = 0x08


def read_idx(path: Path) -> Tensor:
    """The uint8 numbers of an IDX file, plain or gzipped, in the shape that its header states.

    Raises Mistake naming the file where it is cut off, or no IDX file of bytes.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            return _parse(cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if zipped else file)
    except (OSError, EOFError, ValueError, zlib.error, struct.error) as error:
        raise Mistake(f"{path}: not a whole IDX file ({error}); delete it and get it again") from error


def _parse(file: IO[bytes]) -> Tensor:
    zero, kind, dimensions = struct.unpack(">HBB", file.read(4))
    if zero != 0 or kind != _UNSIGNED_BYTES or dimensions == 0:
        raise ValueError("its header is not that of an array of bytes")
    shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
    wanted = math.prod(shape)
    # One more than wanted, to see whether the file goes on.
    numbers = bytearray(file.read(wanted + 1))
    if len(numbers) != wanted:
        raise ValueError(f"{wanted} bytes are announced, there are {'more' if len(numbers) > wanted else len(numbers)}")
    if wanted == 0:
        raise ValueError("it is empty")
    return torch.frombuffer(numbers, dtype=torch.uint8).reshape(shape)
