from __future__ import annotations

from pathlib import Path

import pytest

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.journal import read_journal
from atelier.types import Mistake


def test_rows_are_means_since_the_row_before(fit, toy, tmp_path: Path) -> None:
    fit(toy(), Bookkeeping(every_n_steps=3), epochs=2)
    rows = read_journal(tmp_path / "run" / "metrics.csv")
    # Steps 0 1 2 | 3 4 (end of the epoch) | 5 6 7 | 8 9.
    assert [float(row["d/loss"]) for row in rows] == [1.0, 3.5, 6.0, 8.5]
    assert [float(row["g/loss"]) for row in rows] == [-1.0, -3.5, -6.0, -8.5]
    assert [float(row["epoch"]) for row in rows] == [0.6, 1.0, 1.6, 2.0]
    assert [int(row["images_seen"]) for row in rows] == [24, 40, 64, 80]


def test_rows_need_at_least_one_batch() -> None:
    with pytest.raises(Mistake, match="every_n_steps=0"):
        Bookkeeping(every_n_steps=0)


def test_terms_stay_out_of_lightnings_own_logging(fit, toy) -> None:
    assert fit(toy(), Bookkeeping(every_n_steps=1)).callback_metrics == {}
