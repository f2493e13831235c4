"""Pictures that cannot be read or written: named, counted and left out."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from translating import REST, made, photo

from atelier.cli import run


def hostile(folder: Path) -> None:
    photo(folder / "cut.jpg", 60, 60)
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:400])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("not a picture")
    (folder / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "nowhere.png").symlink_to("/nowhere/at/all.png")
    small = photo(folder / "huge.png", 2, 2).read_bytes()
    header = b"IHDR" + (9_000).to_bytes(4, "big") * 2 + small[24:29]
    (folder / "huge.png").write_bytes(small[:12] + header + zlib.crc32(header).to_bytes(4, "big") + small[33:])
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.png")


def test_bad_files_are_named_and_left_out(ckpt: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hostile(here / "in")
    photo(here / "in" / "good.png", 20, 20)
    photo(here / "in" / "thread.png", 1, 3000)
    (here / "elsewhere.png").write_bytes((here / "in" / "good.png").read_bytes())
    (here / "in" / "link.png").symlink_to(here / "elsewhere.png")
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 0
    assert "2 translated" in capfd.readouterr().err
    listed = dict(line.split("\t") for line in (here / "made" / "unreadable.txt").read_text().splitlines())
    bad = ["cut.jpg", "drawing.png", "empty.png", "huge.png", "link.png", "nowhere.png", "pipe.png", "text.png"]
    assert sorted(listed) == bad and all(listed.values())
    assert "megapixels" in listed["huge.png"] and listed["pipe.png"] == "not a file"
    assert listed["link.png"] == listed["nowhere.png"] == "a link that leads out of the folder"
    assert made(here / "made") == sorted(["good.png", "thread.png", "unreadable.txt", *REST])
    page = (here / "made" / "index.html").read_text()
    assert "8 pictures left out" in page and "text.png" in page
    for name in bad:
        (here / "in" / name).unlink()
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 0
    assert not (here / "made" / "unreadable.txt").exists()


def test_nothing_readable_is_a_mistake_before_anything_is_made(
    ckpt: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hostile(here / "in")
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 2
    said = capfd.readouterr().err
    assert "none of its 6 pictures can be read" in said and "cut.jpg" in said
    assert [file.name for file in here.iterdir()] == ["in"]


def test_a_picture_too_wide_for_its_format_is_left_out(ckpt: Path, here: Path) -> None:
    photo(here / "in" / "wide.webp", 9000, 8)
    photo(here / "in" / "good.webp", 20, 20)
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made", "side_by_side=true"]) == 0
    assert "cannot be written as WEBP" in (here / "made" / "unreadable.txt").read_text()
    assert made(here / "made") == sorted(["good.webp", "unreadable.txt", *REST])
