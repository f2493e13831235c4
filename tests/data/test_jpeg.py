from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from forged import RIGHT, encoded, exif, hidden, segment
from PIL import Image

from atelier.data.jpeg import ordinary, stripped


def opened(content: bytes) -> Any:
    return Image.open(io.BytesIO(content), formats=["JPEG"])


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGB", {"progressive": True}),
        ("RGB", {"keep_rgb": True}),
        ("RGB", {"subsampling": 2, "restart_marker_rows": 1}),
        ("CMYK", {}),
        ("L", {}),
    ],
)
def test_the_picture_is_the_same_and_what_is_said_of_it_is_gone(mode: str, options: dict[str, Any]) -> None:
    block = exif({0x0112: (3, 1, 6)})
    whole = encoded(
        RIGHT.convert(mode), "JPEG", exif=b"Exif\0\0" + block, icc_profile=b"a profile", comment=b"a word", **options
    )
    found = stripped(whole)
    before, after = opened(whole), opened(found.content)
    assert np.array_equal(np.asarray(before.convert("RGB")), np.asarray(after.convert("RGB")))
    assert found.exif == b"Exif\0\0" + block
    assert set(dict(after.applist)) == set(dict(before.applist)) & {"APP0", "APP14"}
    assert stripped(found.content) == (found.content, b"")


def test_adobe_s_word_on_the_colours_is_kept() -> None:
    whole = encoded(RIGHT.convert("CMYK"), "JPEG")
    place = whole.index(b"Adobe")
    assert stripped(whole).content[place : place + 12] == whole[place : place + 12]


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff", b"\xff\xd8\xff\xe1", b"\xff\xd8\xff\xe1\xff\xffExif\0\0", b"\xff" * 99]
)
def test_what_ends_too_early_is_left_to_its_reader(content: bytes) -> None:
    assert stripped(content).content.startswith(content[:2])


def test_more_segments_or_scans_than_any_picture_has_are_refused() -> None:
    whole = encoded(RIGHT, "JPEG")
    with pytest.raises(ValueError, match="more than 10000 segments"):
        stripped(whole[:2] + segment(0, b"") * 10_000 + whole[2:])
    with pytest.raises(ValueError, match="more than 500 scans"):
        stripped(whole[:-2] + whole[whole.index(b"\xff\xda") : -2] * 500)


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"keep_rgb": True}, {"subsampling": 2}, {"exif": exif({0x0112: (3, 1, 1)})}]
)
def test_photographs_are_ordinary(options: dict[str, Any]) -> None:
    options = {name: b"Exif\0\0" + value if name == "exif" else value for name, value in options.items()}
    assert ordinary(encoded(RIGHT, "JPEG", **options)) == RIGHT.size


def test_all_else_is_left_to_pillow() -> None:
    whole, progressive = encoded(RIGHT, "JPEG"), encoded(RIGHT, "JPEG", progressive=True)
    frame = whole.index(b"\xff\xc0")
    scan = progressive.index(b"\xff\xda")
    for content in (
        encoded(RIGHT.convert("L"), "JPEG"),
        encoded(RIGHT.convert("CMYK"), "JPEG"),
        encoded(RIGHT, "JPEG", exif=b"Exif\0\0" + exif({0x0112: (3, 1, 6)})),
        whole[:2] + b"junk" + whole[2:],
        hidden(whole),
        whole[:frame] + whole[frame : frame + 19] + whole[frame:],  # two frames
        whole[: frame + 5] + bytes(4) + whole[frame + 9 :],  # of no size
        whole[: frame + 4] + b"\x0c" + whole[frame + 5 :],  # of twelve bits
        whole[:2] + segment(0, b"") * 200 + whole[2:],
        progressive[:-2] + progressive[scan:-2] * 100,
    ):
        assert ordinary(content) is None
    for length in range(whole.index(b"\xff\xda") + 2):  # cut off in front of the picture
        assert ordinary(whole[:length]) is None
