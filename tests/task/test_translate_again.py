"""What a translation that was begun before leaves alone, and what it makes again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from translating import REST, made, photo, pixels

from atelier.cli import run
from atelier.task import translate_pictures


def test_what_is_there_and_whole_is_left_alone(ckpt: Path, here: Path, count: list[tuple[int, ...]]) -> None:
    for number in range(4):
        photo(here / "in" / f"{number}.png", 20 + number, 20)
    words = [f"ckpt={ckpt}", "input=in", "output=in/made"]
    assert run("translate", words) == 0
    assert len(count) == 4
    (here / "in" / "made" / "1.png").unlink()
    torn = here / "in" / "made" / "2.png"
    torn.write_bytes(torn.read_bytes()[:-40])
    os.utime(here / "in" / "3.png", (2e9, 2e9))
    before = (here / "in" / "made" / "0.png").stat().st_mtime_ns
    assert run("translate", words) == 0
    assert [size[2] for size in count[4:]] == [21, 22, 23]
    assert (here / "in" / "made" / "0.png").stat().st_mtime_ns == before
    assert made(here / "in" / "made") == [f"{number}.png" for number in range(4)] + REST
    page = (here / "in" / "made" / "index.html").read_text()
    assert "4 translations" in page and page.count("data:image/jpeg") == 8
    assert run("translate", [*words, "overwrite=true"]) == 0
    assert len(count) == 11


def test_a_stop_in_the_middle_of_making_again(
    ckpt: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        photo(here / "in" / f"{number}.png", 20, 20 + number)
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=made"]) == 0
    first = pixels(here / "made" / "2.png")
    os.utime(here / "made" / "2.png", (1e9, 1e9))
    write, calls = translate_pictures.write, []

    def stopping(picture: Image.Image, path: Path) -> str | None:
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(picture, path)

    other = [f"ckpt={ckpt}", "input=in", "output=made", "direction=b_to_a"]
    monkeypatch.setattr(translate_pictures, "write", stopping)
    assert run("translate", [*other, "overwrite=true"]) == 130
    assert (
        "stopped by Ctrl-C: 1 of 3 pictures translated, in made. "
        "To go on: the same words with output=made, without overwrite=true"
    ) in capfd.readouterr().err
    monkeypatch.setattr(translate_pictures, "write", write)
    os.utime(here / "made" / "1.png", (1e9, 1e9))
    assert run("translate", other) == 0
    assert run("translate", [f"ckpt={ckpt}", "input=in", "output=fresh", "direction=b_to_a"]) == 0
    for number in range(3):
        assert torch.equal(pixels(here / "made" / f"{number}.png"), pixels(here / "fresh" / f"{number}.png"))
    assert not torch.equal(pixels(here / "made" / "2.png"), first)


def test_translations_of_another_kind_are_not_mixed(ckpt: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    photo(here / "x.png", 20, 20)
    words = [f"ckpt={ckpt}", "input=x.png", "output=made"]
    assert run("translate", words) == 0
    for other, told in (("direction=b_to_a", 'direction="a_to_b"'), ("size=8", "size=null"), ("tile=100", "tile=1024")):
        capfd.readouterr()
        assert run("translate", [*words, other]) == 2
        assert told in capfd.readouterr().err
    photo(here / "own" / "x.png", 5, 5)
    assert run("translate", [f"ckpt={ckpt}", "input=x.png", "output=own"]) == 2
    assert "overwrite=true" in capfd.readouterr().err
    assert made(here / "own") == ["x.png"] and pixels(here / "own" / "x.png").shape == (3, 5, 5)
