"""Strangers' files, each with one line of answer, and pictures within a page."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import pytest
import torch
from PIL import Image

from atelier.task.inline import address
from atelier.task.uploads import Limits, centre_square, open_upload
from atelier.types import Mistake

LIMITS = Limits(megapixels=1, side=128)


def png_of(width: int, height: int) -> bytes:
    """A PNG of one bit per pixel, all black: large in pixels, small in bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((1 + (width + 7) // 8) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def said(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(Mistake) as mistake:
        open_upload(path, limits)
    text = str(mistake.value)
    assert str(path.parent) not in text and path.name not in text and "\n" not in text
    return text


def test_a_good_picture_is_made_small_and_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", (400, 200), (0, 128, 255, 128)).save(tmp_path / "a.png", exif=exif)
    picture = open_upload(tmp_path / "a.png", LIMITS)
    assert (picture.mode, picture.size) == ("RGB", (64, 128))
    Image.new("L", (20, 10)).save(tmp_path / "small.png")
    assert open_upload(tmp_path / "small.png", LIMITS).size == (20, 10)


def test_many_megapixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(png_of(10_000, 6_000))
    assert said(tmp_path / "huge.png", Limits(40, 128)).startswith("This picture has 60 megapixels; this page takes up")
    (tmp_path / "vast.png").write_bytes(png_of(100_000, 60_000)[:200])
    assert "too many pixels" in said(tmp_path / "vast.png")


def test_what_is_no_picture_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("only words", encoding="utf-8")
    assert "not a picture" in said(tmp_path / "text.png")
    (tmp_path / "empty.png").write_bytes(b"")
    assert "not a picture" in said(tmp_path / "empty.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "other.gif")
    assert "not a picture" in said(tmp_path / "other.gif")


def test_a_cut_file_is_damaged(tmp_path: Path) -> None:
    image = Image.effect_noise((200, 200), 50)
    image.save(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    assert "damaged" in said(tmp_path / "cut.png")


def test_the_square_in_the_middle() -> None:
    picture = Image.new("RGB", (30, 10), "red")
    picture.paste("blue", (10, 0, 20, 10))
    square = centre_square(picture, 10)
    assert square.size == (10, 10) and square.getcolors() == [(100, (0, 0, 255))]
    assert centre_square(picture, 4).getcolors() == [(16, (0, 0, 255))]


def test_pictures_that_are_to_look_alike_have_equally_many_bytes() -> None:
    flat = torch.zeros(3, 32, 32, dtype=torch.uint8)
    noise = (torch.arange(3 * 32 * 32) * 7919 % 251).to(torch.uint8).view(3, 32, 32)
    alike = [address(image, alike=True) for image in (flat, noise)]
    assert len({len(one) for one in alike}) == 1
    assert len({len(address(image)) for image in (flat, noise)}) == 2
    for image, one in zip((flat, noise), alike, strict=True):
        content = base64.b64decode(one.removeprefix("data:image/png;base64,"))
        assert content[:8] == b"\x89PNG\r\n\x1a\n" and b"tEXt" not in content
        assert address(image).startswith("data:image/png;base64,")
