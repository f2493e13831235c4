from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from atelier.whole_file import linked, replacing, sweep, write_text

SIZE, TIMES = 200_000, 40
"""Of a text that is too long to be written at once, and how often each writer does."""

WRITER = textwrap.dedent(
    f"""
    import sys
    from pathlib import Path
    from atelier.whole_file import write_text
    for _ in range({TIMES}):
        write_text(Path(sys.argv[1]), {SIZE} * sys.argv[2])
    """
)


def test_new_content_stands_in_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    write_text(path, "né\r\nw\n")
    assert path.read_bytes() == "né\r\nw\n".encode()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError("no space left"), SystemExit(143)])
def test_a_failure_half_way_leaves_the_old_content_and_nothing_else(tmp_path: Path, failure: Any) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(BaseException) as caught, replacing(path) as stream:  # all of them
        stream.write(b"half of the n")
        raise failure
    assert caught.errisinstance(failure if isinstance(failure, type) else type(failure))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_cannot_be_taken_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError):  # the system's own
        write_text(path, "new")
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_has_room_for_a_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127 + "a")
    write_text(path, "whole")
    assert path.read_text() == "whole"


def test_bytes_are_on_the_disk_before_they_have_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen, sync = tmp_path / "file.txt", [], os.fsync
    write_text(path, "old")

    def noted(handle: int) -> None:
        (half,) = [file.stat().st_size for file in tmp_path.iterdir() if file != path] or [None]
        seen.append((path.read_text(), half))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    write_text(path, "newer")
    assert seen == [("old", len("newer")), ("newer", None)]  # the file, then the folder that names it


def test_threads_of_several_processes_write_one_file_and_readers_find_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, SIZE * "0")
    others = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter]) for letter in "abc"]
    done = threading.Event()

    def read() -> set[str]:
        torn = set()
        while not done.is_set():
            text = path.read_text()
            if text != SIZE * text[0]:
                torn.add(text[:10])
        return torn

    with ThreadPoolExecutor() as pool:
        reading = pool.submit(read)
        list(pool.map(lambda letter: [write_text(path, SIZE * letter) for _ in range(TIMES)], "defg"))
        assert [other.wait(60) for other in others] == [0, 0, 0]
        done.set()
        assert reading.result() == set()
    assert list(tmp_path.iterdir()) == [path]


def test_a_second_name_is_the_same_file(tmp_path: Path) -> None:
    path, name = tmp_path / "best", tmp_path / "former"
    path.write_text("content")
    name.write_text("older")
    for _ in range(2):  # the second time it has the name already
        assert linked(path, name)
        assert name.samefile(path)
        assert sorted(tmp_path.iterdir()) == [path, name]


def test_without_second_names_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, name = tmp_path / "best", tmp_path / "former"
    path.write_text("content")
    name.write_text("older")

    def impossible(*names: object) -> None:
        raise OSError("operation not supported")

    monkeypatch.setattr(os, "link", impossible)
    assert not linked(path, name)
    assert (path.read_text(), name.read_text()) == ("content", "older")


def test_sweep_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    script = (
        f"from atelier.whole_file import *\nimport os\nwith replacing(Path({str(tmp_path / 'file')!r})): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    (tmp_path / "last.ckpt").write_bytes(b"whole")
    assert len(list(tmp_path.iterdir())) == 2
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
