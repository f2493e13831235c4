from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from atelier.data import album_key
from atelier.data.album_key import key_of


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / "here" / name for name in ("a", "b")}
    (tmp_path / "here").mkdir()
    for name, path in found.items():
        path.write_bytes(name.encode() * 1000)
    return found


def key(files: Mapping[str, Path], settings: object = 1, most_bytes: int = 10**6) -> str:
    return key_of(files, settings, 2, most_bytes)


def test_copies_and_new_times_change_nothing(files: dict[str, Path], tmp_path: Path) -> None:
    first = key(files)
    os.utime(files["a"], (5, 5))
    assert key(files) == first
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    assert key({name: tmp_path / "there" / name for name in files}) == first


def test_other_contents_of_the_same_size_and_time_are_seen(files: dict[str, Path]) -> None:
    first, stat = key(files), files["a"].stat()
    files["a"].write_bytes(b"c" * 1000)
    os.utime(files["a"], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert files["a"].stat().st_mtime_ns == stat.st_mtime_ns
    assert key(files) != first
    files["a"].write_bytes(b"a" * 1000)
    assert key(files) == first


def test_names_order_and_settings_count(files: dict[str, Path]) -> None:
    keys = {key(files), key({"c": files["a"], "b": files["b"]}), key(dict(reversed(files.items()))), key(files, 2)}
    assert len(keys) == 4


def test_contents_are_read_once(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = key(files)
    monkeypatch.setattr(album_key, "_content", lambda *_: pytest.fail("read again"))
    assert key(files) == first


def test_what_is_no_small_file_is_not_read(files: dict[str, Path], tmp_path: Path) -> None:
    assert key(files, most_bytes=999) != key({**files, "b": tmp_path / "nowhere"}, most_bytes=999)
    files["a"].write_bytes(b"c" * 1000)
    large = key(files, most_bytes=999)
    files["a"].write_bytes(b"d" * 1000)
    assert key(files, most_bytes=999) == large
    os.mkfifo(tmp_path / "pipe")
    assert key({**files, "b": tmp_path / "pipe"}) != key(files)


def test_a_cache_that_cannot_be_written_costs_time_alone(files: dict[str, Path], cache: Path) -> None:
    first = key(files)
    shutil.rmtree(cache)
    cache.touch()
    assert key(files) == first
