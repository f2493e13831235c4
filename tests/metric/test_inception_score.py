from __future__ import annotations

import pytest
import torch
from torch import Tensor

from atelier.metric.inception_score import InceptionScore, _shuffled
from atelier.types import Features, Mistake

NOTHING = Features(torch.zeros(0, 2), None)


def score(logits: Tensor, splits: int = 1) -> float:
    return InceptionScore(splits)(NOTHING, Features(torch.zeros(len(logits), 2), logits))["inception_score"]


def test_certain_and_even_classes_score_their_number() -> None:
    logits = 1000 * torch.nn.functional.one_hot(torch.arange(70) % 7).float()
    assert score(logits) == pytest.approx(7, rel=1e-9)


def test_uncertain_or_single_classes_score_one() -> None:
    assert score(torch.zeros(20, 7)) == pytest.approx(1, rel=1e-9)
    assert score(torch.tensor([[1000.0, 0.0, 0.0]]).expand(20, -1)) == pytest.approx(1, rel=1e-9)


def test_splits_are_scored_apart_and_averaged() -> None:
    logits = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    parts = logits[_shuffled(30)].split(10)
    assert score(logits, splits=3) == pytest.approx(sum(map(score, parts)) / 3, rel=1e-12)


def test_fakes_that_come_class_by_class_score_as_others_do() -> None:
    in_order = 1000 * torch.nn.functional.one_hot(torch.arange(1000) // 100).float()
    mixed = in_order[torch.randperm(1000, generator=torch.Generator().manual_seed(1))]
    assert score(in_order, splits=10) > 9.5  # of parts that hold one class each it would be 1
    assert score(in_order, splits=10) == pytest.approx(score(mixed, splits=10), rel=0.01)


def test_without_logits_there_is_no_figure() -> None:
    assert InceptionScore(1)(NOTHING, Features(torch.zeros(4, 2), None)) == {}


def test_nonsense_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="splits=0"):
        InceptionScore(0)
    with pytest.raises(Mistake, match="at least 10 images"):
        score(torch.zeros(4, 2), splits=10)
