"""A run that is given up ends in order and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atelier.callback import sweep_parent
from atelier.task import train
from tiny import SMALL

WORDS = [
    *SMALL,
    "trainer.max_epochs=3",
    "trainer.check_val_every_n_epoch=1",
    "data.subset=120",
    "data.batch_size=60",
    "callback.gallery=null",
]


@pytest.mark.slow
def test_a_run_that_is_given_up_writes_everything_and_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session_cache: Path
) -> None:
    from atelier.cli import run

    asked: list[tuple[int, float]] = []

    def verdict(step: int, value: float) -> bool:
        asked.append((step, value))
        return step == 2

    monkeypatch.setenv(sweep_parent.REPORTS, str(tmp_path / "reports"))
    monkeypatch.setenv(sweep_parent.RESULT, str(tmp_path / "result"))
    monkeypatch.setattr(train, "verdict", verdict)
    assert run("train", [*WORDS, f"hydra.run.dir={tmp_path}/run"]) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    score = next(iter(results["scores"].values()))
    assert results["status"] == "pruned"
    assert results["epochs"] == 2
    assert [step for step, _ in asked] == [1, 2]
    assert json.loads((tmp_path / "result").read_text()) == {"value": score["best"]}
    assert (tmp_path / "run" / "report.html").exists()

    monkeypatch.delenv(sweep_parent.REPORTS)
    monkeypatch.delenv(sweep_parent.RESULT)
    assert run("train", [f"resume={tmp_path}/run"]) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert (results["status"], results["epochs"]) == ("finished", 3)
