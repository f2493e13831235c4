from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from atelier.data import album_place
from atelier.data.album_place import Contents, Place
from atelier.data.decoder import Decoder, Found
from atelier.data.reading import read_all


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / "here" / name for name in ("a", "b")}
    (tmp_path / "here").mkdir()
    for name, path in found.items():
        path.write_bytes(name.encode() * 1000)
    return found


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read to find a block."""
    seen: list[str] = []

    def watched(files: Mapping[str, Path], decoder: Decoder) -> list[Found]:
        seen.extend(files)
        return list(read_all(files, decoder))

    monkeypatch.setattr(album_place, "read_all", watched)
    return seen


def make(files: Mapping[str, Path], settings: object = 1) -> Path:
    """The block of ``files``, made where there was none."""
    place = Place(files, settings)
    return place.find() or built(place)


def built(place: Place) -> Path:
    place.new.mkdir(parents=True)
    for part in ("pixels.u8", "names.json", "shapes.json"):
        (place.new / part).touch()
    contents = Contents()
    for found in read_all(place.files, album_place._UNDECODED):
        contents.add(found.content)
    contents.write(place.new)
    place.remember(place.new)
    return place.new


def copied(files: Mapping[str, Path], place: Path) -> dict[str, Path]:
    place.mkdir()
    return {name: Path(shutil.copy(path, place)) for name, path in files.items()}


def test_copies_and_new_times_change_nothing(files: dict[str, Path], tmp_path: Path) -> None:
    first = make(files)
    os.utime(files["a"], (5, 5))
    assert make(files) == first
    assert make(copied(files, tmp_path / "there")) == first


def test_other_contents_of_the_same_size_and_time_are_seen(files: dict[str, Path]) -> None:
    first, stat = make(files), files["a"].stat()
    files["a"].write_bytes(b"c" * 1000)
    os.utime(files["a"], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert files["a"].stat().st_mtime_ns == stat.st_mtime_ns
    assert make(files) != first
    files["a"].write_bytes(b"a" * 1000)
    assert make(files) == first


def test_names_order_and_settings_count(files: dict[str, Path]) -> None:
    kinds = [files, {"c": files["a"], "b": files["b"]}, dict(reversed(files.items()))]
    assert len({*map(make, kinds), make(files, 2)}) == 4


def test_files_are_read_where_they_may_be_copies_and_once(
    files: dict[str, Path], tmp_path: Path, read: list[str]
) -> None:
    first = make(files)
    files["a"].write_bytes(b"longer than before" * 1000)
    assert make(files) != first
    assert read == [], "nothing of these names and sizes was there"
    files["a"].write_bytes(b"a" * 1000)
    for _ in range(2):
        assert make(files) == first
    assert read == ["a", "b"]


def test_a_block_is_known_by_its_name_alone(files: dict[str, Path], cache: Path, read: list[str]) -> None:
    first = make(files)
    shutil.rmtree(cache / "states")
    (first / "contents").unlink()
    assert make(files) == first
    assert read == []


def test_a_block_that_was_deleted_is_made_again(files: dict[str, Path]) -> None:
    first = make(files)
    shutil.rmtree(first)
    assert Place(files, 1).find() is None
    assert make(files) == first


@pytest.mark.parametrize("alias", [b"", b"../images", "Käse".encode("latin-1"), b"nowhere"])
def test_an_alias_that_leads_nowhere_is_none(alias: bytes, files: dict[str, Path], cache: Path) -> None:
    first = make(files)
    (known,) = (cache / "states").iterdir()
    known.write_bytes(alias)
    assert make(files) == first


def test_what_is_no_file_is_known_as_such(files: dict[str, Path], tmp_path: Path) -> None:
    first = make({**files, "b": tmp_path / "nowhere"})
    os.mkfifo(tmp_path / "pipe")
    assert make({**files, "b": tmp_path / "pipe"}) != first
    assert make({**files, "b": tmp_path / "nowhere either"}) == first


def test_a_cache_that_cannot_be_written_costs_time_alone(files: dict[str, Path], cache: Path, tmp_path: Path) -> None:
    first = make(files)
    there = copied(files, tmp_path / "there")
    shutil.rmtree(cache / "states")
    (cache / "states").touch()
    assert make(there) == first


def test_a_file_that_is_written_to_in_between_is_known_by_what_was_read(files: dict[str, Path], tmp_path: Path) -> None:
    place = Place(files, 1)
    former = copied(files, tmp_path / "former")
    files["a"].write_bytes(b"x" * 1000)
    block = built(place)
    assert make(copied(files, tmp_path / "there")) == block
    assert make(former) != block
