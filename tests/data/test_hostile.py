"""Every file of a hostile folder is used as the picture that it is, or counted and named; memory stays bounded."""

from __future__ import annotations

import logging
import multiprocessing
import re
import resource
import sys
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from bicubic import bicubic
from forged import RIGHT, encoded, png
from hostile import Case, build, build_large
from PIL import Image

from atelier.data.folder import ImageFolder
from atelier.data.inputs import read_inputs
from atelier.data.listing import list_images
from atelier.data.names import printable
from atelier.data.orientation import orientation
from atelier.data.picture import Shape, decode, most_pixels
from atelier.data.unpaired_folder import UnpairedFolder
from atelier.types import Mistake

SIZE = 16

MOST_MEMORY = 256 * 2**20
"""Bytes that all files of a hostile folder may take at the peak, above what the process takes anyway."""

MOST_MEMORY_LARGE = 1280 * 2**20
"""The same for pictures of nearly 50 megapixels, of which one takes 200 MB decoded, in the form that Pillow keeps."""


def wanted(picture: Image.Image) -> np.ndarray:
    """The centre square of what a viewer shows, ``[3, SIZE, SIZE]``."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.convert("RGB").crop((left, top, left + side, top + side))
    return np.asarray(bicubic(square, (SIZE, SIZE))).transpose(2, 0, 1).astype(int)


def listed(cache: Path) -> dict[str, str]:
    """All unreadable files with their reasons."""
    lines = [line for file in cache.rglob("unreadable.txt") for line in file.read_text().splitlines()]
    return dict(line.split("\t") for line in lines)


def judge(cases: Mapping[str, Case], used: Mapping[str, np.ndarray], refused: Mapping[str, str], said: str) -> None:
    """Each case has met its fate, and nothing else has turned up."""
    strange = set(used) - set(cases)
    assert not strange
    for name, case in cases.items():
        if case.fate == "left out":
            assert name not in used and f"{printable(name)} (" in said, name
        elif name in used:
            assert case.fate in ("used", "either"), name
            if case.picture is not None:
                assert np.abs(used[name].astype(int) - wanted(case.picture)).max() <= 12, name
        else:
            assert case.fate in ("refused", "either"), (name, refused.get(printable(name)))
            assert refused[printable(name)], name


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Case]]:
    folder = tmp_path_factory.mktemp("hostile") / "folder"
    folder.mkdir()
    return folder, build(folder, folder.with_name("outside"))


def test_there_are_more_than_a_hundred(hostile: tuple[Path, dict[str, Case]]) -> None:
    assert len(hostile[1]) > 180
    assert sum(case.fate != "used" for case in hostile[1].values()) > 100


def test_image_folder(hostile: tuple[Path, dict[str, Case]], cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, cases = hostile

    def load() -> dict[str, np.ndarray]:
        source = ImageFolder(str(folder), SIZE, 3)
        source.prepare()
        both = [source.load("train"), source.load("test")]
        return {name: pixels.numpy() for part in both for name, pixels in zip(part.names, part.pixels, strict=True)}

    with caplog.at_level(logging.WARNING):
        used, taken = measured(load)
    used_here = load()
    assert set(used_here) == set(used)
    judge(cases, used, refused := listed(cache), caplog.text)
    counts = map(int, re.findall(r"(\d+) images? cannot be read and (?:is|are) left out", caplog.text))
    assert sum(counts) == len(refused)
    assert "\x1b" not in caplog.text
    assert taken < MOST_MEMORY


def test_unpaired_folder(
    hostile: tuple[Path, dict[str, Case]], tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "root"
    for name in ("trainB", "testA", "testB"):
        (root / name).mkdir(parents=True)
        (root / name / "a.png").write_bytes(encoded(RIGHT))
    (root / "trainA").mkdir()
    cases = build(root / "trainA", tmp_path / "outside")
    options = {"preprocess": "resize_and_crop", "load_size": SIZE, "image_size": SIZE}
    source = UnpairedFolder(str(root), **options, channels_a=3, channels_b=3, a="A", paired=False)
    album = source.training("a")
    used = {
        name.removeprefix("trainA/"): pixels.numpy() for name, pixels in zip(album.names, album.pixels, strict=True)
    }
    refused = {name.removeprefix("trainA/"): reason for name, reason in listed(cache).items()}
    assert used.pop("thread.png").shape == (3, SIZE, SIZE)  # its aspect is not kept
    cases.pop("thread.png")
    # What lies beside trainA is no part of it, but of the folder as a whole.
    judge(cases, used, refused, caplog.text)


def test_pictures_for_a_trained_model(
    hostile: tuple[Path, dict[str, Case]], cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, cases = hostile
    given = read_inputs(str(folder), SIZE, 3)
    judge(cases, dict(zip(given.names, given.pixels.numpy(), strict=True)), listed(cache), caplog.text)


@pytest.mark.slow
def test_the_largest_pictures_take_bounded_memory(tmp_path: Path) -> None:
    cases = build_large(tmp_path)

    def load() -> dict[str, np.ndarray]:
        given = read_inputs(str(tmp_path), SIZE, 3)
        return dict(zip(given.names, given.pixels.numpy(), strict=True))

    used, taken = measured(load)
    judge(cases, used, {}, "")
    assert taken < MOST_MEMORY_LARGE


def test_a_large_picture_is_named_with_the_way_to_let_it_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(png((1100, 1000), 1, 0, (b"\0" + bytes(138)) * 1000))
    monkeypatch.setenv("ATELIER_MEGAPIXELS", "1")
    with pytest.raises(ValueError, match=r"1100 x 1000 is more than 1 megapixels; .*ATELIER_MEGAPIXELS=2"):
        decode(path.read_bytes(), Shape(8, 3))
    with pytest.raises(Mistake, match=r"ATELIER_MEGAPIXELS=2"):
        read_inputs(str(tmp_path), 8, 3)
    # What was refused is looked at again under another bound.
    monkeypatch.setenv("ATELIER_MEGAPIXELS", "2")
    assert read_inputs(str(tmp_path), 8, 3).names == ["mine.png"]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decode(path.read_bytes(), Shape(8, 3)).max() == 0
    for wrong in ("0", "many", "-1", "1.5", ""):
        monkeypatch.setenv("ATELIER_MEGAPIXELS", wrong)
        with pytest.raises(Mistake, match=f"ATELIER_MEGAPIXELS={wrong}: a whole number"):
            most_pixels()


def test_what_pillow_refuses_by_itself_is_told_in_the_same_words(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png((20_000, 20_000), 1, 0, b"\0"))
    with pytest.raises(ValueError, match=r"400,000,000 pixels are more than 50 megapixels; .*ATELIER_MEGAPIXELS=400"):
        decode((tmp_path / "a.png").read_bytes(), Shape(8, 3))


@pytest.mark.parametrize("block", [b"", b"Exif\0\0", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"])
def test_what_is_no_exif_block_turns_nothing(block: bytes) -> None:
    assert orientation(block) == 1


def test_a_folder_deeper_than_the_stack_is_listed(tmp_path: Path) -> None:
    deepest = tmp_path.joinpath(*"d" * 400)
    deepest.mkdir(parents=True)
    (deepest / "a.png").write_bytes(encoded(RIGHT))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        assert list_images(tmp_path).images == ["d/" * 400 + "a.png"]
    finally:
        sys.setrecursionlimit(limit)


def measured(load: Callable[[], dict[str, np.ndarray]]) -> tuple[dict[str, np.ndarray], int]:
    """What ``load`` gives in a process of its own, and the bytes by which its memory grew at the peak."""

    def body(pipe: Connection) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = load()
        pipe.send((found, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024))

    ours, theirs = multiprocessing.Pipe()
    with warnings.catch_warnings(action="ignore"):  # of forks beside threads: the ones here do nothing
        process = multiprocessing.get_context("fork").Process(target=body, args=(theirs,))
        process.start()
    theirs.close()
    found, taken = ours.recv()
    process.join()
    return found, taken
