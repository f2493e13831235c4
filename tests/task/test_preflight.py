"""What is tried before a verb begins is built and loaded once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig

from atelier.data.digits import Digits
from atelier.data.source import Images, Split
from atelier.metric.classifier import Classifier
from atelier.task import evaluate, train

Compose = Callable[..., DictConfig]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The splits and the extractor, each as often as it is loaded."""
    seen: list[str] = []
    load, prepare = Digits.load, Classifier.prepare

    def load_noted(self: Digits, split: Split) -> Images:
        seen.append(split)
        return load(self, split)

    def prepare_noted(self: Classifier) -> None:
        seen.append("extractor")
        prepare(self)

    monkeypatch.setattr(Digits, "load", load_noted)
    monkeypatch.setattr(Classifier, "prepare", prepare_noted)
    return seen


def test_training_looks_at_everything_once(composed: Compose, loaded: list[str]) -> None:
    assert train.preflight(composed("model=gan", "data=digits", "trainer=cpu")) == []
    assert sorted(loaded) == ["extractor", "test", "train"]


def test_evaluating_looks_at_everything_once(composed: Compose, trained: Path, loaded: list[str]) -> None:
    assert evaluate.preflight(composed(f"ckpt={trained}", root="evaluate")) == []
    assert sorted(loaded) == ["extractor", "test", "train"]
