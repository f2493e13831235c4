"""A JPEG file without what others have to say about it."""

from __future__ import annotations

import re
from typing import NamedTuple

START = b"\xff\xd8\xff"
"""How every JPEG file begins."""

# The next marker that a length follows (ITU-T T.81, B.1.1.3), past junk and fill bytes, as its readers go on.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd9\xff])")

# APP1 to APP15 and comments, but for Adobe's APP14, which says whether the colours are RGB, CMYK or YCCK.
_SAID = (set(range(0xE1, 0xF0)) | {0xFE}) - {0xEE}
_EXIF, _SCAN = 0xE1, 0xDA

# Far more than a camera writes: a depth map in XMP is in some hundred, and a progressive picture has ten scans.
_MOST_SEGMENTS, _MOST_SCANS = 10_000, 500


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
        # Within a scan's data a 0xFF is followed by 0, so that this finds markers alone.
        if content.count(bytes([0xFF, _SCAN]), found.start()) > _MOST_SCANS:
            raise ValueError(f"a JPEG of more than {_MOST_SCANS} scans")
        kept.append(memoryview(content)[found.start() :])  # no copy of what may be all of a large file
    return Jpeg(b"".join(kept), exif)
