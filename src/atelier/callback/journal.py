"""metrics.csv: what every run leaves behind, whatever other loggers it has."""

from __future__ import annotations

import csv
import io
import math
import os
from argparse import Namespace
from collections.abc import Container
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from atelier.callback.atomic import sparing
from atelier.run_folder import RunFolder
from atelier.whole_file import write_text

_POSITION = ["epoch", "images_seen"]

Kind = Literal["train", "val"]


class Journal(Logger):
    """Writes ``metrics.csv`` in ``run``: one row per logged moment, columns ``epoch, images_seen, <names>``.

    Every row is on disk before training goes on. A name that turns up later gets a new column (the file is
    then written anew under a temporary name and put in place whole). An existing file is continued. On a full disk
    rows wait for the next one.
    """

    def __init__(self, run: Path | str) -> None:
        super().__init__()
        self.path = RunFolder(Path(run)).metrics
        self.columns = self._stored_columns() or list(_POSITION)
        self._waiting: list[dict[str, float]] = []

    @property
    def name(self) -> str:
        """Lightning's name for the kind of logger."""
        return "journal"

    @property
    def version(self) -> str:
        """One file, one version."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(self.path.parent)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The run's folder holds its config already."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append one row. Lightning's ``step`` is left out: it counts optimizer steps, we count images."""
        self._waiting.append(metrics)
        with sparing(self.path):
            fresh = [name for row in self._waiting for name in row if name not in self.columns]
            if fresh or not self.path.exists():
                self._widen(list(dict.fromkeys(fresh)))
            self._append()

    def _append(self) -> None:
        whole = self.path.stat().st_size
        try:
            with self.path.open("a", newline="", encoding="utf-8") as stream:
                csv.DictWriter(stream, self.columns, restval="").writerows(self._waiting)
        except OSError:
            os.truncate(self.path, whole)  # a part of a row
            raise
        self._waiting = []

    @rank_zero_only
    def cut_back(self, images_seen: int, behind: Container[Kind] = ()) -> None:
        """Leave out the rows behind a position, and with them rows that a power cut tore, and columns left empty.

        behind: kinds of rows that are behind it at the position itself.
        """
        known = [row for row in read_journal(self.path) if _position(row) <= images_seen]
        rows = [row for row in known if _position(row) < images_seen or _kind(row) not in behind]
        named = [name for name in self.columns if name in _POSITION or any(row.get(name) for row in rows)]
        self.columns = named
        self._write([{name: row[name] for name in named} for row in rows])

    def _widen(self, fresh: list[str]) -> None:
        rows, former = read_journal(self.path), self.columns
        self.columns = [*former, *fresh]
        try:
            self._write(rows)
        except OSError:
            self.columns = former
            raise

    def _write(self, rows: list[dict[str, str]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path, text.getvalue())

    def _stored_columns(self) -> list[str]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as stream:
            return next(csv.reader(stream), [])


def _kind(row: dict[str, str]) -> Kind:
    """What the row holds: scores, or terms of training."""
    return "val" if any(value and name.startswith("val/") for name, value in row.items()) else "train"


def _position(row: dict[str, str]) -> float:
    """The images seen at a row; infinite for one that is not whole."""
    whole = None not in row and None not in row.values()  # what csv gives for too many and too few fields
    return int(row["images_seen"]) if whole and row["images_seen"].isdecimal() else math.inf


def read_journal(path: Path) -> list[dict[str, str]]:
    """The rows of a metrics.csv as text by column, "" where a row has no value; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def read_curves(path: Path) -> dict[str, tuple[list[float], list[float]]]:
    """Each column of a metrics.csv as (epochs, values), without the rows where it is empty."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for row in read_journal(path):
        for name, value in row.items():
            if name not in _POSITION and value:
                epochs, values = curves.setdefault(name, ([], []))
                epochs.append(float(row["epoch"]))
                values.append(float(value))
    return curves
