"""How a camera was held, out of what a file says about its picture.

Pillow's own reader copies whatever each of up to 65,535 entries points at, which may be the same megabytes for all
of them. One number is wanted: this reader looks at nothing else.
"""

from __future__ import annotations

import struct

from PIL import Image

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_TAG, _SHORT, _LONG = 0x0112, 3, 4

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(picture: Image.Image, exif: bytes) -> Image.Image:
    """``picture`` turned as its ``exif`` block asks (Exif 2.32, 4.6.4.A, Orientation)."""
    turn = _TURNS.get(orientation(exif))
    return picture if turn is None else picture.transpose(turn)


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, of a block with or without its heading; 1 where it is broken or has none."""
    block = exif.removeprefix(b"Exif\0\0")
    order = _BYTE_ORDERS.get(block[:4])
    if order is None:
        return 1
    try:
        (first,) = struct.unpack_from(f"{order}L", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, first)
        for place in range(first + 2, first + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(f"{order}HHL", block, place)
            if tag == _TAG and kind in (_SHORT, _LONG) and values == 1:
                (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "L"), block, place + 8)
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:  # it ends before it says that it does
        pass
    return 1
