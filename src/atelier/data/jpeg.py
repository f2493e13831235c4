"""What is in a JPEG file: its picture, and what others have to say about it."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from atelier.data.orientation import orientation

START = b"\xff\xd8\xff"
"""How every JPEG file begins."""

# The next marker that a length follows (ITU-T T.81, B.1.1.3), past junk and fill bytes, as its readers go on.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd9\xff])")

# APP1 to APP15 and comments, but for Adobe's APP14, which says whether the colours are RGB, CMYK or YCCK.
_SAID = (set(range(0xE1, 0xF0)) | {0xFE}) - {0xEE}
_EXIF, _SCAN = 0xE1, 0xDA

# Sequential and progressive frames in Huffman's code (ITU-T T.81, table B.1): what cameras and programs write.
_FRAMES = (0xC0, 0xC1, _PROGRESSIVE := 0xC2)

# Far more than a camera writes: a depth map in XMP is in some hundred, and a progressive picture has ten scans.
_MOST_SEGMENTS, _MOST_SCANS = 10_000, 500
_MOST_ORDINARY_SEGMENTS = 100

# Markers that no length follows, and the byte that fills the space before one: libjpeg passes them over.
_BARE = (*range(0xD0, 0xDA), 0xFF)


class Jpeg(NamedTuple):
    """A file's picture, and its EXIF block (empty where there is none)."""

    content: bytes
    exif: bytes


def stripped(content: bytes) -> Jpeg:
    """The same picture without segments that are no part of it, and without junk between the others.

    Pillow joins, parses and keeps all of them when it opens a file: their cost would have no bound. An ICC profile is
    among them, which nothing here applies.

    Raises ValueError where the picture has so many segments or scans that it is there to keep its reader busy.
    """
    kept: list[bytes | memoryview] = [content[:2]]
    exif, place = b"", 2
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.search(content, place)
        if found is None or found[1][0] == _SCAN:
            break
        start = found.end() + 2
        place = max(found.end() + int.from_bytes(content[found.end() : start], "big"), start)
        if found[1][0] == _EXIF and not exif and content.startswith(b"Exif\0\0", start):
            exif = content[start:place]
        if found[1][0] not in _SAID:
            kept.append(content[found.start() : place])
    else:
        raise ValueError(f"a JPEG of more than {_MOST_SEGMENTS} segments")
    if found is not None:
        if _scans(content, found.start()) > _MOST_SCANS:
            raise ValueError(f"a JPEG of more than {_MOST_SCANS} scans")
        kept.append(memoryview(content)[found.start() :])  # no copy of what may be all of a large file
    return Jpeg(b"".join(kept), exif)


def ordinary(content: bytes) -> tuple[int, int] | None:
    """Width and height of an upright picture of three channels of eight bits, as most JPEG files are.

    None for any other kind, and for one that is built in an unusual way: :func:`stripped` and Pillow know what to do.
    """
    if not content.startswith(START):
        return None
    size, at_once, place = None, False, 2
    try:
        for _ in range(_MOST_ORDINARY_SEGMENTS):
            start, marker, length = struct.unpack_from(">BBH", content, place)
            if start != 0xFF or marker < 0xC0 or marker in _BARE or length < 2:
                return None
            if marker == _SCAN:
                # A sequential picture whose first scan has all channels cannot have a second one.
                bounded = (at_once and content[place + 4] == 3) or _scans(content, place) <= _MOST_SCANS
                return size if bounded else None
            if marker in _FRAMES:
                bits, height, width, channels = struct.unpack_from(">BHHB", content, place + 4)
                if size is not None or (bits, channels) != (8, 3) or not width * height:
                    return None
                size, at_once = (width, height), marker != _PROGRESSIVE
            place += 2 + length
            if marker == _EXIF and orientation(content[place + 2 - length : place]) != 1:
                return None
    except (struct.error, IndexError):  # it ends before its picture begins
        pass
    return None


def _scans(content: bytes, first: int) -> int:
    """How many there are from ``first`` on: within their data a 0xFF is followed by 0, so that markers alone count."""
    return content.count(bytes([0xFF, _SCAN]), first)
