from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from atelier.callback.atomic import AtomicCheckpointIO


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
