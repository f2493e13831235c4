from __future__ import annotations

import errno
import io
import logging
from itertools import count

import pytest
from rich.console import Console

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.progress import ProgressLine
from atelier.types import Mistake

TERMS = {"D": "d/loss", "G": "g/loss"}


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name.startswith("atelier")]


def test_plain_lines_where_there_is_no_terminal(fit, toy, scoreboard, caplog: pytest.LogCaptureFixture) -> None:
    progress = ProgressLine(TERMS, every_n_seconds=1e-9)
    progress.console = Console(file=(stream := io.StringIO()), force_terminal=False)
    with caplog.at_level(logging.INFO, logger="atelier"):
        fit(toy(), Bookkeeping(1), scoreboard, progress)
    lines = ours(caplog)
    assert stream.getvalue() == ""
    assert any(line.startswith("epoch 0.4/2 · D 1.000 · G -1.000 ·") and "images/s" in line for line in lines)
    assert any(line.startswith("epoch 2/2 · val/distance_pixels") and "best" in line for line in lines)


def test_lines_are_rare(fit, toy, caplog: pytest.LogCaptureFixture) -> None:
    progress = ProgressLine(TERMS, every_n_seconds=1000)
    progress.console = Console(file=io.StringIO(), force_terminal=False)
    with caplog.at_level(logging.INFO, logger="atelier"):
        fit(toy(), Bookkeeping(1), progress)
    assert ours(caplog) == []


def test_a_bar_on_a_terminal_with_log_lines_above_it(fit, toy, scoreboard) -> None:
    progress = ProgressLine(TERMS, every_n_seconds=10)
    progress.console = Console(file=(stream := io.StringIO()), force_terminal=True, width=200)
    fit(toy(), Bookkeeping(1), scoreboard, progress)
    shown = stream.getvalue()
    for word in ("epoch 2/2", "100%", "D 9.000", "images/s", "val/distance_pixels"):
        assert word in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor comes back


def test_the_terminal_is_given_back_when_training_fails(fit, toy) -> None:
    class Failing(toy):
        def training_step(self, batch: object, batch_idx: int) -> None:
            raise RuntimeError("failed")

    progress = ProgressLine(TERMS, every_n_seconds=10)
    progress.console = Console(file=(stream := io.StringIO()), force_terminal=True)
    with pytest.raises(RuntimeError, match="failed"):
        fit(Failing(), progress)
    assert stream.getvalue().count("\x1b[?25h") == 1


def test_seconds_between_lines_are_positive() -> None:
    with pytest.raises(Mistake, match="every_n_seconds=0"):
        ProgressLine(TERMS, every_n_seconds=0)


@pytest.mark.parametrize("drawings", [0, 3])
def test_a_terminal_that_is_gone_ends_no_run(drawings: int, fit, toy, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count()

    def gone(*_: object) -> None:
        if next(calls) >= drawings:
            raise OSError(errno.EIO, "Input/output error")

    line = ProgressLine({}, every_n_seconds=60)
    line.console = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr("rich.progress.Progress.refresh", gone)
    trainer = fit(toy(), line, epochs=1)
    assert trainer.state.finished
