"""How many pictures are decoded ahead of the one that is written, and what is told of each file."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from atelier.data import decoder, reading
from atelier.data.decoder import Decoder
from atelier.data.reading import read_all
from atelier.types import Mistake


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """200 files that hold their numbers."""
    for number in range(200):
        (tmp_path / f"{number:03d}").write_text(str(number))
    return {path.name: path for path in sorted(tmp_path.glob("???"))}


def decode(content: bytes) -> NDArray[np.uint8]:
    return np.full((1, 1, 3), int(content), np.uint8)


def of(decode: Callable[[bytes], NDArray[np.uint8]] = decode, size: int | None = 3) -> Decoder:
    """Pictures as they are decoded."""
    return Decoder(decode, lambda levels: levels, {}, size)


@pytest.mark.parametrize(
    ("size", "most"),
    [(None, 2), (3, 32), (2**18, 16), (2**24, 2)],  # of any size, tiny, a quarter of a megabyte, large
)
def test_small_pictures_wait_and_large_ones_do_not(size: int | None, most: int) -> None:
    assert reading._ahead(of(size=size), 2) == most


def test_pictures_come_in_the_order_of_their_names(files: dict[str, Path]) -> None:
    found = list(read_all(files, of()))
    assert [one.name for one in found] == list(files)
    assert [one.picture.flat[0] for one in found if not isinstance(one.picture, str)] == list(range(200))


def test_contents_are_told_of_what_can_be_read_and_reasons_of_the_rest(tmp_path: Path) -> None:
    contents = {"right": b"5", "broken": b"x"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    names = [*contents, "folder", "missing"]
    right, broken, folder, missing = read_all({name: tmp_path / name for name in names}, of())
    for found in (right, broken):
        assert found.content == hashlib.sha256(contents[found.name]).hexdigest()
    assert isinstance(broken.picture, str) and "invalid literal" in broken.picture
    assert folder.content == folder.picture == "not a file"
    assert missing.content == missing.picture == "no such file"


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EIO, "Input/output error"), OSError(errno.EMFILE, "x")])
def test_what_the_machine_lacks_for_now_is_not_held_against_the_file(error: Exception, files: dict[str, Path]) -> None:
    def fail(content: bytes) -> NDArray[np.uint8]:
        raise error

    with pytest.raises(Mistake, match="000: cannot be read now"):
        list(read_all(files, of(fail)))
    broken = OSError("image file is truncated")  # Pillow's, which has no number
    assert decoder._PASSING.isdisjoint({broken.errno, errno.ENOENT, errno.EACCES})


def test_few_pictures_are_shared_among_the_threads(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_threads", lambda: 4)
    everybody = threading.Barrier(4, timeout=30)

    def together(content: bytes) -> NDArray[np.uint8]:
        everybody.wait()  # broken, unless four threads have one each
        return decode(content)

    found = read_all({name: files[name] for name in list(files)[:4]}, of(together))
    assert not [one for one in found if isinstance(one.picture, str)]


def test_whoever_breaks_off_waits_for_nothing_that_was_not_begun(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_threads", lambda: 2)
    begun, go_on = [], threading.Event()

    def slow(content: bytes) -> NDArray[np.uint8]:
        begun.append(content)
        if int(content) >= 8:
            go_on.wait(30)
        return decode(content)

    pictures = read_all(files, of(slow))
    next(pictures)
    threading.Timer(0.2, go_on.set).start()
    pictures.close()
    assert len(begun) <= 8 + 3, "the eight that were read together, what the two went on with, and no queue of 32"
