"""How many pictures are decoded ahead of the one that is written."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from atelier.data import reading
from atelier.data.reading import Reader, read_all

FILES = {f"{number:03d}": Path(f"{number:03d}") for number in range(200)}


def picture(path: Path) -> NDArray[np.uint8]:
    return np.full(3, int(path.name), np.uint8)


@pytest.mark.parametrize(
    ("size", "most"),
    [(None, 2), (3, 32), (2**18, 16), (2**24, 2)],  # of any size, tiny, a quarter of a megabyte, large
)
def test_small_pictures_wait_and_large_ones_do_not(size: int | None, most: int) -> None:
    assert Reader(picture, {}, size).ahead(2) == most


def test_pictures_come_in_the_order_of_their_names() -> None:
    found = list(read_all(FILES, Reader(picture, {}, 3)))
    assert [name for name, _ in found] == list(FILES)
    assert [int(levels[0]) for _, levels in found] == list(range(200))


def test_few_pictures_are_shared_among_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "threads", lambda: 4)
    everybody = threading.Barrier(4, timeout=30)

    def together(path: Path) -> NDArray[np.uint8]:
        everybody.wait()  # broken, unless four threads have one each
        return picture(path)

    found = read_all({name: FILES[name] for name in list(FILES)[:4]}, Reader(together, {}, 3))
    assert not [reason for _, reason in found if isinstance(reason, str)]


def test_whoever_breaks_off_waits_for_nothing_that_was_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "threads", lambda: 2)
    begun, go_on = [], threading.Event()

    def slow(path: Path) -> NDArray[np.uint8]:
        begun.append(path)
        if path.name >= "008":
            go_on.wait(30)
        return picture(path)

    pictures = read_all(FILES, Reader(slow, {}, 3))
    next(pictures)
    threading.Timer(0.2, go_on.set).start()
    pictures.close()
    assert len(begun) <= 8 + 3, "the eight that were read together, what the two went on with, and no queue of 32"
