"""Runs beside one another: a table in the terminal, compare.csv and compare.html. Only reads files, needs no torch."""

from __future__ import annotations

import logging
from pathlib import Path

from omegaconf import DictConfig, ListConfig
from rich.console import Console

from atelier.task.comparing.page import page
from atelier.task.comparing.runs import find, read
from atelier.task.comparing.table import Table, tabulate
from atelier.task.comparing.text import as_csv, show
from atelier.types import Mistake
from atelier.whole_file import write_text

log = logging.getLogger(__name__)


def preflight(cfg: DictConfig) -> list[str]:
    """Whether there are runs, and whether any has the score to sort by."""
    try:
        _table(cfg)
    except Mistake as mistake:
        return [str(mistake)]
    return []


def wrong_values(cfg: DictConfig) -> list[str]:
    """What can be said of single options, whether or not the others are right."""
    return preflight(cfg)  # which makes and fetches nothing


def run(cfg: DictConfig) -> None:
    """Show the table, and write both files into the output folder."""
    table, folder = _table(cfg), Path(cfg.output.folder)
    show(table, Console())
    for name, text in (("compare.csv", as_csv(table)), ("compare.html", page(table))):
        file = folder / name
        write_text(file, text)
        log.info("%s", file)


def _table(cfg: DictConfig) -> Table:
    places = list(cfg.runs) if isinstance(cfg.runs, ListConfig) else [cfg.runs]
    return tabulate(read(find(list(map(str, places)))), cfg.sort)
