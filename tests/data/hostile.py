"""Image files that mean harm, or are merely strange, made in a folder of a test's own."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from forged import (
    RIGHT,
    SIDE,
    chunk,
    encoded,
    exif,
    exif_bomb,
    gradient,
    png,
    segment,
    wide_rows,
    with_chunks,
    with_segments,
)
from PIL import Image, ImageOps

Fate = Literal["used", "refused", "either", "left out"]


class Case(NamedTuple):
    """A file: what it shows if it is used, and what has to become of it.

    fate: used as ``picture``; refused with a reason; either of these; left out of the listing with a reason.
    """

    picture: Image.Image | None
    fate: Fate


def build(folder: Path, outside: Path) -> dict[str, Case]:
    """Fill ``folder``, with links into ``outside``; returns the cases by name, which are paths below the folder."""
    cases: dict[str, Case] = {}
    for name, content, picture, fate in _files():
        assert name not in cases, name
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        cases[name] = Case(picture, fate)
    return cases | _entries(folder, outside)


File = tuple[str, bytes, Image.Image | None, Fate]


def _files() -> Iterator[File]:
    yield from _cut_off()
    yield from _headers()
    yield from _disguised()
    yield from _kinds()
    yield from _oriented()
    yield from _said_about()
    yield from _broken_inside()
    yield from _named()


def _cut_off() -> Iterator[File]:
    wholes = {
        "cut.png": encoded(RIGHT),
        "cut.jpg": encoded(RIGHT, "JPEG"),
        "cut_progressive.jpg": encoded(RIGHT, "JPEG", progressive=True),
        "cut.webp": encoded(RIGHT, "WEBP"),
    }
    for name, whole in wholes.items():
        stem, _, suffix = name.partition(".")
        for part in range(12):
            length = len(whole) * part // 12 if part < 9 else len(whole) - (12, 4, 1)[part - 9]
            yield f"{stem}_{part}.{suffix}", whole[:length], RIGHT, "either"


def _headers() -> Iterator[File]:
    sizes = [(0, 0), (0, 5), (-1, -1), (-(2**31), 1), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (65_535, 65_535)]
    for width, height in [*sizes, (50_001, 1_000), (10_000, 20_000), (100_000, 100_000)]:
        yield f"claims_{width}_{height}.png", png((width, height), 8, 2, b"\0" * 97), None, "refused"
    whole = bytearray(encoded(RIGHT, "JPEG"))
    place = whole.index(b"\xff\xc0") + 5
    for height, width in [(65_500, 65_500), (0, 32), (32, 0)]:
        struct.pack_into(">HH", whole, place, height, width)
        yield f"claims_{width}_{height}.jpg", bytes(whole), None, "refused"
    moving = encoded(RIGHT, "WEBP", save_all=True, append_images=[RIGHT.rotate(90)])
    vast = bytearray(moving)
    vast[24:30] = (16_382).to_bytes(3, "little") * 2
    yield "claims_16383.webp", bytes(vast), None, "refused"
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(2501 * 1000)) for _ in range(20)) + rows.flush()
    head = struct.pack(">LLBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    yield "bomb_20000.png", bomb, None, "refused"


def _disguised() -> Iterator[File]:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    texts = {"text": b"just words", "svg": svg, "html": b"<html><script>alert(1)</script></html>", "pdf": b"%PDF-1.7\n"}
    programs = {"elf": b"\x7fELF\x02\x01\x01", "sh": b"#!/bin/sh\ntouch /tmp/x\n", "pickle": b"\x80\x04cos\nsystem\n."}
    for name, content in {**texts, **programs, "ps": b"%!PS-Adobe-3.0 EPSF-3.0\n"}.items():
        yield f"really_{name}.png", content, None, "refused"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.png", encoded(RIGHT))
    yield "really_zip.png", packed.getvalue(), None, "refused"
    for kind in ("GIF", "TIFF", "BMP", "ICO", "PPM", "TGA", "PCX"):
        yield f"really_{kind.lower()}.png", encoded(RIGHT, kind), None, "refused"
    yield "moving.gif", encoded(RIGHT, "GIF", save_all=True, append_images=[RIGHT.rotate(90)]), None, "left out"
    for suffix, content in {"svg": svg, "tiff": encoded(RIGHT, "TIFF"), "ico": encoded(RIGHT, "ICO")}.items():
        yield f"plain.{suffix}", content, None, "left out"
    yield "png.jpg", encoded(RIGHT), RIGHT, "used"
    yield "jpeg.png", encoded(RIGHT, "JPEG"), RIGHT, "used"
    yield "webp.jpeg", encoded(RIGHT, "WEBP"), RIGHT, "used"
    yield "png.webp", encoded(RIGHT), RIGHT, "used"


def _kinds() -> Iterator[File]:
    more = {"save_all": True, "append_images": [RIGHT.rotate(90)]}
    yield "moving.webp", encoded(RIGHT, "WEBP", **more), RIGHT, "used"
    yield "moving.png", encoded(RIGHT, **more), RIGHT, "used"
    grey, levels = RIGHT.convert("L"), np.asarray(RIGHT).astype(np.uint16)
    sixteen = np.asarray(grey).astype(np.uint16) * 257
    size = (SIDE, SIDE)
    yield "grey_16.png", png(size, 16, 0, wide_rows(sixteen)), grey, "used"
    yield "colour_16.png", png(size, 16, 2, wide_rows((levels * 257).reshape(SIDE, -1))), RIGHT, "used"
    full = np.full((SIDE, SIDE, 1), 255, np.uint16)
    alpha = np.concatenate([levels, full], axis=-1) * 257
    yield "alpha_16.png", png(size, 16, 6, wide_rows(alpha.reshape(SIDE, -1))), RIGHT, "used"
    la = np.stack([sixteen, full[..., 0] * 257], axis=-1)
    yield "grey_alpha_16.png", png(size, 16, 4, wide_rows(la.reshape(SIDE, -1))), grey, "used"
    yield "cmyk.jpg", encoded(RIGHT.convert("CMYK"), "JPEG"), RIGHT, "used"
    yield "own_rgb.jpg", encoded(RIGHT, "JPEG", keep_rgb=True), RIGHT, "used"
    yield "grey.jpg", encoded(grey, "JPEG"), grey, "used"
    yield "progressive.jpg", encoded(RIGHT, "JPEG", progressive=True), RIGHT, "used"
    palette = grey.convert("P")
    yield "palette.png", encoded(palette), grey, "used"
    yield "palette_2.png", encoded(RIGHT.quantize(4), bits=2), RIGHT.quantize(4).convert("RGB"), "used"
    white = Image.new("RGB", size, "white")
    yield "palette_clear.png", encoded(RIGHT.quantize(2), transparency=b"\0\0"), white, "used"
    yield "palette_alpha.png", encoded(palette, transparency=bytes(256)), white, "used"
    yield "clear.png", encoded(Image.new("RGBA", size, (9, 9, 9, 0))), white, "used"
    yield "alpha.png", encoded(RIGHT.convert("RGBA")), RIGHT, "used"
    yield "alpha.webp", encoded(RIGHT.convert("RGBA"), "WEBP"), RIGHT, "used"
    yield "grey_alpha.png", encoded(grey.convert("LA")), grey, "used"
    yield "grey_clear.png", encoded(Image.new("L", size, 7), transparency=7), white, "used"
    yield "colour_clear.png", encoded(Image.new("RGB", size, (1, 2, 3)), transparency=(1, 2, 3)), white, "used"
    yield "bits.png", encoded(grey.convert("1")), grey.convert("1").convert("L"), "used"
    yield (
        "one_pixel.png",
        encoded(Image.new("RGB", (1, 1), (9, 99, 199))),
        Image.new("RGB", (1, 1), (9, 99, 199)),
        "used",
    )
    yield "thread.png", encoded(gradient(3000, 1)), gradient(3000, 1), "used"


def _oriented() -> Iterator[File]:
    for value in range(10):
        block = exif({0x0112: (3, 1, value)})
        shown = Image.Exif()
        shown[0x0112] = value
        turned = RIGHT.copy()
        turned.getexif()[0x0112] = value
        turned = ImageOps.exif_transpose(turned) if 1 <= value <= 8 else RIGHT
        yield f"orientation_{value}.jpg", with_segments(segment(1, b"Exif\0\0" + block)), turned, "used"
        if value == 6:
            yield "orientation.png", with_chunks(chunk(b"eXIf", block)), turned, "used"
            yield "orientation.webp", encoded(RIGHT, "WEBP", exif=block), turned, "used"
            big = b"MM\0*" + struct.pack(">LHHHLHHL", 8, 1, 0x0112, 3, 1, value, 0, 0)
            yield "orientation_big_endian.jpg", with_segments(segment(1, b"Exif\0\0" + big)), turned, "used"


def _said_about() -> Iterator[File]:
    """What stands beside the picture: EXIF, ICC, text."""
    blocks = {
        "junk": b"\xff" * 999,
        "nothing": b"",
        "cut": exif({0x0112: (3, 1, 6)})[:14],
        "far": b"II*\0" + struct.pack("<L", 2**32 - 1),
        "many": b"II*\0" + struct.pack("<LH", 8, 65_535),
        "circle": exif({0x010F: (2, 9, 26)}, b"a camera\0", following=8),
        "inner_circle": exif({0x8769: (4, 1, 8), 0x8825: (4, 1, 8)}),
        "vast": exif({0x010F: (2, 2**32 - 1, 8)}),
    }
    for name, block in blocks.items():
        yield f"exif_{name}.jpg", with_segments(segment(1, b"Exif\0\0" + block)), RIGHT, "used"
        yield f"exif_{name}.png", with_chunks(chunk(b"eXIf", block)), RIGHT, "used"
    # Each of many entries asks for the same megabyte.
    bomb = exif_bomb(40_000, 500_000)
    yield "exif_bomb.png", with_chunks(chunk(b"eXIf", bomb)), RIGHT, "used"
    yield "exif_bomb.webp", encoded(RIGHT, "WEBP", exif=bomb), RIGHT, "used"
    parts = [bomb[place : place + 60_000] for place in range(0, len(bomb), 60_000)]
    yield "exif_bomb.jpg", with_segments(*(segment(1, b"Exif\0\0" + part) for part in parts)), RIGHT, "used"
    noise = [
        segment(15, b""),
        b"\0junk\xff\0",
        b"\xff\xd0",
        *(segment(1, b"Exif\0\0" + part) for part in parts),
        b"\xff\x01\xff",
    ]
    yield "exif_bomb_in_junk.jpg", with_segments(*noise), RIGHT, "used"
    yield "segments.jpg", with_segments(*[segment(0, b"")] * 20_000), None, "refused"
    yield "mpf_bomb.jpg", with_segments(segment(2, b"MPF\0" + exif_bomb(2_000, 30_000))), RIGHT, "used"
    yield "icc.jpg", with_segments(segment(2, b"ICC_PROFILE\0\1\1" + b"junk" * 99)), RIGHT, "used"
    yield "comments.jpg", with_segments(*[b"\xff\xfe\xff\xff" + bytes(65_533)] * 30), RIGHT, "used"
    yield "icc.png", with_chunks(chunk(b"iCCP", b"name\0\0" + zlib.compress(b"junk" * 99))), RIGHT, "either"
    zeros = zlib.compress(bytes(50_000_000), 9)
    yield "icc_bomb.png", with_chunks(chunk(b"iCCP", b"name\0\0" + zeros)), RIGHT, "either"
    yield "text_bomb.png", with_chunks(chunk(b"zTXt", b"key\0\0" + zeros)), RIGHT, "either"
    yield "international_bomb.png", with_chunks(chunk(b"iTXt", b"key\0\1\0\0\0" + zeros)), RIGHT, "either"
    many = [chunk(b"zTXt", b"key%d\0\0" % number + zlib.compress(bytes(1_000_000))) for number in range(80)]
    yield "many_texts.png", with_chunks(*many), RIGHT, "either"
    yield "long_text.png", with_chunks(chunk(b"tEXt", b"key\0" + b"x" * 2_000_000)), RIGHT, "used"


def _broken_inside() -> Iterator[File]:
    yield "empty.png", b"", None, "refused"
    yield "byte.jpg", b"\xff", None, "refused"
    yield "start.jpg", b"\xff\xd8\xff", None, "refused"
    yield "start.png", b"\x89PNG\r\n\x1a\n", None, "refused"
    yield "start.webp", b"RIFF\xff\xff\xff\xffWEBP", None, "refused"
    yield "long_chunk.png", with_chunks(struct.pack(">L", 2**31 - 1) + b"teXt" + bytes(99)), RIGHT, "either"
    yield "sum.png", with_chunks(chunk(b"tEXt", b"key\0value")[:-1] + b"?"), RIGHT, "either"
    yield "critical.png", with_chunks(chunk(b"ABCD", b"?")), RIGHT, "either"
    yield "two_heads.png", with_chunks(encoded(gradient(5, 5))[8:33]), None, "either"
    yield "no_rows.png", png((SIDE, SIDE), 8, 2, b""), None, "refused"
    yield "bad_filter.png", png((4, 4), 8, 2, b"\x09" + bytes(12)), None, "refused"
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(RIGHT))
    yield "overfull.png", png((SIDE, SIDE), 8, 2, rows + bytes(50_000_000)), RIGHT, "either"
    whole = encoded(RIGHT, "JPEG", progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    yield "scans.jpg", whole[:-2] + last * 1000 + whole[-2:], None, "refused"
    yield "fill.jpg", whole[:2] + b"\xff" * 100_000 + whole[2:], RIGHT, "either"


def _named() -> Iterator[File]:
    names = ["line\nend.png", "tab\tstop.png", "\x1b[31mred\x07.png", "\u202egnp.exe.png", "\U0001f984 ünï.png"]
    words = [
        "-rf.png",
        "%s%n.png",
        "$(touch x).png",
        "<script>alert(1)<",
        "a b?c*[d].png",
        "'\"`.png",
        "..png",
        "nul.png",
    ]
    broken = [os.fsdecode(b"\xff\xfe.png"), "x" * 251 + ".png", "deep/" * 60 + "a.png"]
    for name in [*names, *(word if word.endswith(".png") else word + ".png" for word in words), *broken]:
        if not name.startswith("."):
            yield name, encoded(RIGHT), RIGHT, "used"


def _entries(folder: Path, outside: Path) -> dict[str, Case]:
    """What is no plain file."""
    outside.mkdir()
    (outside / "secret.png").write_bytes(encoded(RIGHT))
    (folder / "link_out.png").symlink_to(outside / "secret.png")
    (folder / "link_up.png").symlink_to("../../../../etc/passwd")
    (folder / "link_folder").symlink_to(outside)
    (folder / "link_root").symlink_to("/")
    (folder / "link_home").symlink_to(folder)
    (folder / "link_within.png").symlink_to("png.jpg")
    (folder / "link_lost.png").symlink_to("nowhere.png")
    (folder / "link_self.png").symlink_to("link_self.png")
    (folder / "link_a.png").symlink_to("link_b.png")
    (folder / "link_b.png").symlink_to("link_a.png")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    cases = {name: Case(None, "left out") for name in ("link_out.png", "link_up.png", "link_folder", "link_root")}
    lost = ("link_lost.png", "link_self.png", "link_a.png", "link_b.png", "pipe.png")
    cases |= {name: Case(None, "refused") for name in lost} | {"link_within.png": Case(RIGHT, "used")}
    if os.geteuid():  # root may read everything
        (folder / "locked.png").write_bytes(encoded(RIGHT))
        (folder / "locked.png").chmod(0)
        cases["locked.png"] = Case(None, "refused")
    return cases


def build_large(folder: Path) -> dict[str, Case]:
    """Pictures just below what is opened, in the forms that take the most memory to decode."""
    white, black = (Image.new("RGB", (1, 1), (level,) * 3) for level in (255, 0))
    rows = b"\0" + bytes(4 * 7000)
    (folder / "clear.png").write_bytes(png((7000, 7000), 8, 6, rows * 7000))
    (folder / "grey_16.png").write_bytes(png((7000, 7000), 16, 0, (b"\0" + bytes(2 * 7000)) * 7000))
    turned = encoded(Image.new("RGB", (7000, 7000)), "JPEG", progressive=True)
    block = segment(1, b"Exif\0\0" + exif({0x0112: (3, 1, 6)}))
    (folder / "turned.jpg").write_bytes(turned[:2] + block + turned[2:])
    return {"clear.png": Case(white, "used"), "grey_16.png": Case(black, "used"), "turned.jpg": Case(black, "used")}
