from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning import Callback

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.monitor import Monitor
from atelier.callback.preemption import Preemption
from atelier.callback.results import Results
from atelier.run_folder import RunFolder
from atelier.types import Diverged


def test_layout(fit, toy, scoreboard, tmp_path: Path) -> None:
    fit(toy(), Bookkeeping(50), scoreboard, Results("dcgan", "digits", seed=7), epochs=2)
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert (found["model"], found["data"], found["seed"]) == ("dcgan", "digits", 7)
    assert (found["epochs"], found["images_seen"], found["status"]) == (2, 80, "finished")
    for number in ("train_seconds", "images_per_second", "peak_memory_bytes"):
        assert found[number] > 0
    score = found["scores"]["val/distance_pixels"]
    assert {"last", "best", "best_epoch", "floor", "protocol"} <= score.keys()
    assert {"extractor", "resize", "real", "fake", "ema", "seed"} <= score["protocol"].keys()
    assert {"python", "torch", "device", "precision"} <= found["environment"].keys()
    assert found["equilibrium"] == -1.25


def test_what_is_no_number_is_null(fit, toy, scoreboard, tmp_path: Path) -> None:
    scoreboard.scores["distance"] = type(
        "Broken", (), {"names": {"distance": False}, "__call__": lambda *_: {"distance": float("nan")}}
    )()
    fit(toy(), scoreboard, Results("m", "d", seed=0), epochs=1)
    text = (tmp_path / "run" / "results.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["scores"]["val/distance_pixels"]["last"] is None


def test_a_finished_run_whose_report_is_stopped_has_finished(fit, toy, scoreboard, tmp_path: Path) -> None:
    class Stopped(Callback):
        def on_fit_end(self, trainer, pl_module) -> None:
            raise KeyboardInterrupt

    with pytest.raises(BaseException) as ending:  # Lightning makes a SystemExit of it
        fit(toy(), scoreboard, Results("toy", "noise", seed=5), Stopped(), epochs=1)
    assert ending.errisinstance((KeyboardInterrupt, SystemExit))
    assert RunFolder(tmp_path / "run").read_results()["status"] == "finished"


def test_a_failed_run_says_so(fit, toy, scoreboard, tmp_path: Path) -> None:
    callbacks = [Bookkeeping(1), scoreboard, Monitor(0.05, 0.99, 20), Results("m", "d", seed=0)]
    with pytest.raises(Diverged):
        fit(toy(poison=7), *callbacks, epochs=3)
    found = RunFolder(tmp_path / "run").read_results()
    assert found["status"].startswith("failed: d/loss is not finite")
    assert found["epochs"] == 1.6
    assert found["scores"]["val/distance_pixels"]["best_epoch"] == 1


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device"), UnicodeError("é")])
def test_what_fails_after_the_end_makes_no_failed_run(failure: Any, fit, toy, tmp_path: Path) -> None:
    class Telling(Callback):
        def on_fit_end(self, trainer, pl_module) -> None:
            raise failure

    with pytest.raises(BaseException):  # noqa: B017  # Lightning makes a SystemExit of the first
        fit(toy(), Results("toy", "noise", seed=5), Telling(), epochs=1)
    assert RunFolder(tmp_path / "run").read_results()["status"] == "finished"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(5, "Input/output error")])
def test_a_run_that_does_not_get_to_go_on_keeps_its_results(failure: Any, fit, toy, tmp_path: Path) -> None:
    class Failing(Callback):
        def setup(self, trainer, pl_module, stage) -> None:
            raise failure

    fit(toy(), Results("toy", "noise", seed=5), epochs=1)
    before = RunFolder(tmp_path / "run").read_results()
    with pytest.raises(BaseException):  # noqa: B017  # as above
        fit(toy(), Results("toy", "noise", seed=5), Failing(), epochs=2)
    assert RunFolder(tmp_path / "run").read_results() == before


@pytest.mark.parametrize(
    ("failure", "status"), [(MemoryError(), "failed: MemoryError"), (RuntimeError("a\nb"), "failed: a b")]
)
def test_a_failure_is_told_in_a_line(failure: Exception, status: str, fit, toy, tmp_path: Path) -> None:
    class Failing(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            raise failure

    with pytest.raises(type(failure)):
        fit(toy(), Results("toy", "noise", seed=5), Failing(), epochs=1)
    assert RunFolder(tmp_path / "run").read_results()["status"] == status


def test_a_failure_after_a_signal_is_a_stop(fit, toy, tmp_path: Path) -> None:
    class Killed(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            signal.raise_signal(signal.SIGTERM)
            raise RuntimeError("DataLoader worker was killed")

    with pytest.raises(RuntimeError):
        fit(toy(), Results("toy", "noise", seed=5), Killed(), Preemption("go on"), enable_checkpointing=True)
    assert RunFolder(tmp_path / "run").read_results()["status"] == "stopped"


def test_results_that_cannot_be_written_hide_no_failure(
    fit, toy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    class Failing(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            monkeypatch.setattr("atelier.callback.results.write_text", refuse)
            raise Diverged("the first failure")

    with pytest.raises(Diverged, match="the first failure"):
        fit(toy(), Results("toy", "noise", seed=5), Failing())
    assert "results.json could not be written ([Errno 30] Read-only file system)" in caplog.text
