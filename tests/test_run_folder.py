"""The folder of a run, and what lies in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from atelier.run_folder import RunFolder


@pytest.mark.parametrize("checkpoint", ["checkpoints/last.ckpt", "last.ckpt"])
def test_a_checkpoint_knows_its_run(checkpoint: str, tmp_path: Path) -> None:
    assert RunFolder.of(tmp_path / checkpoint) == RunFolder(tmp_path.resolve())


@pytest.mark.parametrize("written", ["config.yaml", "metrics.csv", "checkpoints"])
def test_a_run_has_begun_where_it_has_written(written: str, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert not run.begun and not run.path.exists()
    (run.path / written).mkdir(parents=True)
    assert run.begun


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff"])
def test_results_that_cannot_be_read_are_none(content: bytes, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.read_results() == {}
    run.results.write_bytes(content)
    assert run.read_results() == {}
    run.results.write_text('{"status": "finished"}')
    assert run.read_results() == {"status": "finished"}
