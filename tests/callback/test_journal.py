from __future__ import annotations

import csv
import errno
from pathlib import Path
from typing import Any

import pytest

from atelier.callback.journal import Journal, check_journal, read_curves, read_journal
from atelier.types import Mistake


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


def test_rows_wait_for_a_disk_that_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path)
    journal.log_metrics({"epoch": 0.5, "images_seen": 64, "d/loss": 1.5})
    opened = Path.open

    def failing(self: Path, *given: Any, **named: Any) -> Any:
        if self.name == "metrics.csv":
            raise OSError(errno.EIO, "Input/output error")
        return opened(self, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", failing)
        journal.log_metrics({"epoch": 1.0, "images_seen": 128, "d/loss": 1.25})
    journal.log_metrics({"epoch": 1.5, "images_seen": 192, "d/loss": 1.0})
    assert [row["images_seen"] for row in read_journal(tmp_path / "metrics.csv")] == ["64", "128", "192"]
    assert "metrics.csv could not be written ([Errno 5] Input/output error): its rows wait" in caplog.text


def test_rows_from_a_spreadsheet_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,images_seen,d/loss\n0.5,64.0,1.5\n1,128.,1.25\n", encoding="utf-8-sig")
    check_journal(path)
    journal = Journal(tmp_path)
    assert journal.columns == ["epoch", "images_seen", "d/loss"]
    journal.cut_back(128)
    journal.log_metrics({"epoch": 1.5, "images_seen": 192, "d/loss": 1.0})
    assert [row["d/loss"] for row in read_journal(path)] == ["1.5", "1.25", "1.0"]


def test_rows_that_cannot_be_read_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,images_seen,d/loss\n0.5,64,1.5\n1,many,1.25\n1.5,19")
    Journal(tmp_path).cut_back(128)
    assert "metrics.csv: left out is what cannot be read: 2 rows" in caplog.text
    assert len(rows(tmp_path / "metrics.csv")) == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\x89PNG\xff", "not the rows of a run"), (b"epoch;images_seen\n1;2\n", "column epoch and images_seen")],
)
def test_what_is_no_journal_is_named(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    check_journal(path)
    path.write_bytes(content)
    with pytest.raises(Mistake, match=f"metrics.csv: .*{told}.*put it right, or take it away"):
        check_journal(path)
