"""Trainings that must reach a score: what the README promises of its first commands."""

import json
from pathlib import Path

import pytest
import torch

from atelier import load
from atelier.cli import run
from atelier.metric.classifier import Classifier
from atelier.pixels import to_bytes

pytestmark = pytest.mark.slow


def test_the_first_command_comes_within_twice_the_floor_and_draws_every_digit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("train", ["hydra.run.dir=first"]) == 0
    results = json.loads(Path("first/results.json").read_text())
    score = results["scores"]["val/fd_digits"]
    assert score["protocol"]["real"] == score["protocol"]["fake"] == 355
    assert score["last"] <= 2 * score["floor"]

    classifier = Classifier("digits")
    classifier.prepare()
    samples = load("first").sample(1000, seed=1)
    seen = classifier(to_bytes(samples))
    counts = torch.bincount(seen.logits.argmax(dim=1), minlength=10)
    assert counts.min() >= 40


def test_the_ring_is_covered_by_the_non_saturating_game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("train", ["experiment=ring", "hydra.run.dir=ring"]) == 0
    scores = json.loads(Path("ring/results.json").read_text())["scores"]
    assert scores["val/modes_points"]["last"] == 8
    assert len(list(Path("ring/samples").glob("epoch_*.png"))) == 11
