from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from atelier.callback.atomic import AtomicCheckpointIO, replacing, sweep, write_text


def test_new_content_stands_in_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_half_way_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as stream:
        stream.write(b"half of the n")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_cut_short_leaves_the_former_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, io = tmp_path / "last.ckpt", AtomicCheckpointIO()
    io.save_checkpoint({"step": 1}, path)

    def cut_short(content: Any, stream: Any) -> None:
        stream.write(b"PK")
        raise OSError("no space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="no space"):
        patched.setattr(torch, "save", cut_short)
        io.save_checkpoint({"step": 2}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_sweep_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    (tmp_path / ".last.ckpt.tmp-123").write_bytes(b"half")
    (tmp_path / "last.ckpt").write_bytes(b"whole")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_on_a_full_disk_the_former_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """torch answers a failing write in its own way, so the disk is really full here."""
    path, io, opening = tmp_path / "last.ckpt", AtomicCheckpointIO(), Path.open
    io.save_checkpoint({"step": torch.ones(1)}, path)

    def full(self: Path, mode: str = "r", *rest: Any) -> Any:
        return opening(Path("/dev/full") if mode == "wb" else self, mode, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        io.save_checkpoint({"step": torch.zeros(300_000)}, path)
    assert io.full
    assert "the disk is full" in caplog.text
    assert "the former one is kept" in caplog.text
    assert torch.load(path, weights_only=True) == {"step": torch.ones(1)}
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
    io.save_checkpoint({"step": torch.zeros(1)}, path)
    assert not io.full
