"""metrics.csv: what every run leaves behind, whatever other loggers it has."""

from __future__ import annotations

import csv
import io
import logging
import math
import os
import re
from argparse import Namespace
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from atelier.callback.atomic import sparing
from atelier.counted import counted
from atelier.reason import said
from atelier.run_folder import RunFolder
from atelier.types import Mistake
from atelier.whole_file import write_text

log = logging.getLogger(__name__)

_POSITION = ["epoch", "images_seen"]
_COUNT = re.compile(r"\d+(\.0*)?")  # also as a spreadsheet writes it
_ENCODING = "utf-8-sig"  # a spreadsheet begins a file with a mark

Kind = Literal["train", "val"]


class Journal(Logger):
    """Writes ``metrics.csv`` in ``run``: one row per logged moment, columns ``epoch, images_seen, <names>``.

    Every row is on disk before training goes on. A name that turns up later gets a new column (the file is
    then written anew under a temporary name and put in place whole). An existing file is continued. Where the disk
    takes nothing, rows wait for the next one.
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
        with self._patient(), sparing(self.path):
            fresh = [name for row in self._waiting for name in row if name not in self.columns]
            if fresh or not self.path.exists():
                self._widen(list(dict.fromkeys(fresh)))
            self._append()

    @contextmanager
    def _patient(self) -> Iterator[None]:
        """A block that writes, after which rows wait where a disk failed: it may have recovered by the next one."""
        try:
            yield
        except OSError as error:
            log.warning("%s could not be written (%s): its rows wait", self.path.name, said(error))

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
        found = read_journal(self.path)
        if lost := sum(math.isinf(_position(row)) for row in found):
            log.warning("%s: left out is what cannot be read: %s", self.path.name, counted(lost, "row"))
        known = [row for row in found if _position(row) <= images_seen]
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
        with self.path.open(newline="", encoding=_ENCODING) as stream:
            return next(csv.reader(stream), [])


def _kind(row: dict[str, str]) -> Kind:
    """What the row holds: scores, or terms of training."""
    return "val" if any(value and name.startswith("val/") for name, value in row.items()) else "train"


def _position(row: dict[str, str]) -> float:
    """The images seen at a row; infinite for one that is not whole."""
    whole = None not in row and None not in row.values()  # what csv gives for too many and too few fields
    return float(row["images_seen"]) if whole and _COUNT.fullmatch(row["images_seen"]) else math.inf


def read_journal(path: Path) -> list[dict[str, str]]:
    """The rows of a metrics.csv as text by column, "" where a row has no value; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding=_ENCODING) as stream:
        return list(csv.DictReader(stream))


def check_journal(path: Path) -> None:
    """Find out whether rows can be added to ``path``.

    Raises:
        Mistake: if it is there, and holds something else than the rows of a run.
    """
    try:
        rows = read_journal(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Mistake(f"{path}: not the rows of a run ({said(error)}); put it right, or take it away") from None
    if rows and (absent := [name for name in _POSITION if name not in rows[0]]):
        raise Mistake(f"{path}: without the column {' and '.join(absent)}; put it right, or take it away")


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
