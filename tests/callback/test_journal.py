from __future__ import annotations

import csv
from pathlib import Path

import pytest

from atelier.callback.journal import Journal, read_curves, read_journal


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


def test_one_row_per_moment_and_position_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.log_metrics({"d/loss": 1.5, "epoch": 0.5, "images_seen": 64})
    journal.log_metrics({"epoch": 1.0, "images_seen": 128, "d/loss": 1.25})
    assert rows(tmp_path / "metrics.csv") == [
        ["epoch", "images_seen", "d/loss"],
        ["0.5", "64", "1.5"],
        ["1.0", "128", "1.25"],
    ]


def test_header_grows_and_old_rows_keep_their_values(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.log_metrics({"epoch": 1, "images_seen": 64, "d/loss": 1.5})
    journal.log_metrics({"epoch": 1, "images_seen": 64, "val/fd": 9.0})
    assert rows(tmp_path / "metrics.csv") == [
        ["epoch", "images_seen", "d/loss", "val/fd"],
        ["1", "64", "1.5", ""],
        ["1", "64", "", "9.0"],
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


def test_growing_is_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.log_metrics({"epoch": 1, "images_seen": 64, "d/loss": 1.5})
    before = (tmp_path / "metrics.csv").read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        journal.log_metrics({"epoch": 1, "images_seen": 64, "val/fd": 9.0})
    assert (tmp_path / "metrics.csv").read_bytes() == before


def test_a_second_process_goes_on_in_the_same_file(tmp_path: Path) -> None:
    Journal(tmp_path).log_metrics({"epoch": 1, "images_seen": 64, "d/loss": 1.5})
    Journal(tmp_path).log_metrics({"epoch": 2, "images_seen": 128, "d/loss": 1.0})
    assert [row["epoch"] for row in read_journal(tmp_path / "metrics.csv")] == ["1", "2"]


def test_curves_leave_out_rows_without_a_value(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.log_metrics({"epoch": 0.5, "images_seen": 1, "d/loss": 1.5})
    journal.log_metrics({"epoch": 1, "images_seen": 2, "val/fd": 9.0})
    journal.log_metrics({"epoch": 1, "images_seen": 2, "d/loss": float("nan")})
    curves = read_curves(tmp_path / "metrics.csv")
    assert curves["val/fd"] == ([1.0], [9.0])
    assert curves["d/loss"][0] == [0.5, 1.0]
    assert read_curves(tmp_path / "missing.csv") == {}


def test_rows_behind_a_position_are_cut_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for images in (64, 128):
        journal.log_metrics({"epoch": images / 128, "images_seen": images, "d/loss": 1.5})
    journal.log_metrics({"epoch": 1.5, "images_seen": 192, "val/fd": 9.0})
    with (tmp_path / "metrics.csv").open("a") as stream:
        stream.write("1.5,19")  # a power cut
    again = Journal(tmp_path)
    again.cut_back(128)
    again.log_metrics({"epoch": 1.5, "images_seen": 192, "d/loss": 1.0})
    assert rows(tmp_path / "metrics.csv") == [
        ["epoch", "images_seen", "d/loss"],
        ["0.5", "64", "1.5"],
        ["1.0", "128", "1.5"],
        ["1.5", "192", "1.0"],
    ]
