"""Image files put together by hand, so that any part of them can be wrong."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

SIDE = 32


def gradient(width: int = SIDE, height: int = SIDE) -> Image.Image:
    """A picture without symmetries and without anything that a lossy format would blur."""
    y, x = np.mgrid[0:height, 0:width]
    levels = np.stack([x * 255 // width, y * 255 // height, 255 - (x + y) * 127 // (width + height)], axis=-1)
    return Image.fromarray(levels.astype(np.uint8))


RIGHT = gradient()


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The picture as a file."""
    stream = io.BytesIO()
    lossy = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    picture.save(stream, kind, **{**lossy, **options})
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """One of a PNG's chunks."""
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


def png(size: tuple[int, int], bits: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    """A PNG by hand: ``rows`` are filtered but not compressed; ``more`` chunks stand before them."""
    head = struct.pack(">LLBBBBB", size[0] & 0xFFFFFFFF, size[1] & 0xFFFFFFFF, bits, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *more, chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_chunks(*more: bytes) -> bytes:
    """The right picture as a PNG with more chunks behind its header."""
    whole = encoded(RIGHT)
    return whole[:33] + b"".join(more) + whole[33:]


def with_segments(*more: bytes) -> bytes:
    """The right picture as a JPEG with more APP segments (number, content) in front."""
    whole = encoded(RIGHT, "JPEG")
    return whole[:2] + b"".join(more) + whole[2:]


def hidden(whole: bytes) -> bytes:
    """The JPEG ``whole`` behind RST0, which no length follows: one read there leads to the head of a small picture."""
    comments = b"\xff\xfe\x00\x64" + bytes(98) + b"\xff\xfe\xff\xff" + bytes(65533)
    content = bytearray(b"\xff\xd8\xff\xd0" + comments + whole[2:])
    landing = 4 + int.from_bytes(comments[:2], "big")
    small = b"\xff\xc0\x00\x11\x08\x00\x08\x00\x08\x03" + bytes(9) + b"\xff\xda\x00\x0c\x03" + bytes(9)
    content[landing : landing + len(small)] = small
    return bytes(content)


def segment(number: int, content: bytes) -> bytes:
    """An APP segment."""
    return bytes([0xFF, 0xE0 + number]) + struct.pack(">H", len(content) + 2) + content


def exif(entries: Mapping[int, tuple[int, int, int]], payload: bytes = b"", following: int = 0) -> bytes:
    """A block: tag → (kind, count, value or offset); ``payload`` stands behind the entries."""
    body = b"".join(struct.pack("<HHLL", tag, *entry) for tag, entry in sorted(entries.items()))
    return b"II*\0" + struct.pack("<LH", 8, len(entries)) + body + struct.pack("<L", following) + payload


def exif_bomb(entries: int, payload: int) -> bytes:
    """A block of which each of many entries asks for the same payload."""
    start = 8 + 2 + 12 * entries + 4
    return exif(dict.fromkeys(range(entries), (1, payload, start)), bytes(payload))


def wide_rows(levels: np.ndarray) -> bytes:
    """Rows of a PNG of 16 bits, filtered by nothing."""
    return b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
