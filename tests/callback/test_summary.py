from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from atelier.callback.checkpoints import Checkpoints
from atelier.callback.summary import Summary, next_commands
from atelier.callback.words import speed


@pytest.mark.parametrize("terminal", [True, False])
def test_a_run_ends_with_its_score_and_three_commands(fit, toy, scoreboard, tmp_path: Path, terminal: bool) -> None:
    summary = Summary()
    summary.console = Console(file=(stream := io.StringIO()), force_terminal=terminal, width=60, no_color=True)
    (tmp_path / "run" / "samples").mkdir(parents=True)
    (tmp_path / "run" / "report.html").touch()
    fit(toy(), scoreboard, summary, epochs=1)
    shown = stream.getvalue()
    for words in ("1 epoch, 40 images", "val/distance_pixels", "Floor", "samples", "report.html"):
        assert words in shown
    assert shown.count(f"ckpt={tmp_path / 'run'}\n") == 2  # on one line, however narrow the terminal


@pytest.mark.parametrize(
    ("full", "told"),
    [
        (1, "best.ckpt is of epoch 1: the state of epoch 2 could not be saved"),
        (0, "there is no best.ckpt: the state of epoch 1 could not be saved"),
        (None, ""),
    ],
)
def test_what_best_ckpt_holds_is_told_where_a_full_disk_kept_the_best_state_out(
    full: int | None, told: str, fit, toy, scoreboard, *, no_room
) -> None:
    """The best of two epochs is the one in which the disk is full."""
    summary, module = Summary(), toy(lambda epoch: 0.1 if epoch == full else 0.8 - epoch / 10)
    summary.console = Console(file=(stream := io.StringIO()), width=200, no_color=True)
    no_room(lambda: module.trainer.current_epoch == full)
    fit(module, scoreboard, Checkpoints(), summary, epochs=2, enable_checkpointing=True)
    assert f"Kept        {told}\n" in stream.getvalue() if told else "Kept" not in stream.getvalue()


def test_a_run_without_scores_is_not_scored_again(fit, toy) -> None:
    summary = Summary()
    summary.console = Console(file=(stream := io.StringIO()), width=200, no_color=True)
    fit(toy(), summary, epochs=1)
    assert "draw more samples" in stream.getvalue() and "evaluate" not in stream.getvalue()


def test_what_a_run_has_not_made_is_not_shown(fit, toy) -> None:
    summary = Summary()
    summary.console = Console(file=(stream := io.StringIO()), width=200, no_color=True)
    fit(toy(), summary, epochs=1)
    assert "samples/" not in stream.getvalue() and "report.html" not in stream.getvalue()
    assert "Pictures" not in stream.getvalue() and "Report" not in stream.getvalue()


@pytest.mark.parametrize(("figure", "shown"), [(0.1288, "0.13"), (3.25, "3.2"), (12.4, "12"), (5292.3, "5,292")])
def test_a_slow_run_has_a_speed_too(figure: float, shown: str) -> None:
    assert speed(figure) == shown


def test_commands_are_those_of_the_script_that_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "overrides.yaml").write_text("- model=gan\n- objective=hinge\n- hydra.run.dir=somewhere\n")
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    monkeypatch.setattr(sys, "argv", ["src/train.py"])
    assert list(next_commands(tmp_path).values()) == [
        f"python src/sample.py ckpt={tmp_path}",
        "python src/train.py model=gan objective=hinge seed=1",
    ]
    monkeypatch.setattr(sys, "argv", ["/site-packages/submitit/core/_submit.py"])  # a launcher's, on a cluster
    assert next(iter(next_commands(tmp_path).values())) == f"python -m atelier sample ckpt={tmp_path}"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/atelier"])
    assert next_commands(Path("a folder"))["draw more samples"] == "atelier sample ckpt='a folder'"


@pytest.mark.parametrize("content", [b"model: gan", b"- model=gan\n- 'half", b"\xff\xfe"])
def test_words_that_are_lost_make_no_variant(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "overrides.yaml").write_bytes(content)
    assert list(next_commands(tmp_path)) == ["draw more samples"]


@pytest.mark.parametrize("failure", [OSError(5, "Input/output error"), SystemExit(1)], ids=["terminal", "pipe"])
def test_a_reader_that_is_gone_ends_no_run(failure: BaseException, fit, toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise failure

    summary = Summary()
    monkeypatch.setattr(summary.console, "print", gone)
    fit(toy(), summary, epochs=1)
