from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from atelier.metric import neighbours
from atelier.metric.neighbours import DensityCoverage, PrecisionRecall
from atelier.types import Features, Mistake


def draw(count: int, seed: int) -> Tensor:
    return torch.randn(count, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def radius(x: Tensor, i: int, k: int) -> float:
    others = [(x[i] - x[j]).norm().item() for j in range(len(x)) if j != i]
    return sorted(others)[k - 1]


def inside(x: Tensor, y: Tensor, k: int) -> list[list[bool]]:
    """Row i, column j: does y_j lie in the ball around x_i?"""
    return [[(a - b).norm().item() <= radius(x, i, k) for b in y] for i, a in enumerate(x)]


@pytest.fixture(params=[2**24, 100])
def _any_block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK_ENTRIES", request.param)


@pytest.mark.usefixtures("_any_block")
@pytest.mark.parametrize("k", [1, 3])
def test_agree_with_their_definitions_pair_by_pair(k: int) -> None:
    real, fake = draw(40, 0), draw(30, 1) * 0.8 + 0.5
    of_real, of_fake = inside(real, fake, k), inside(fake, real, k)
    expected = {
        "precision": sum(any(row[j] for row in of_real) for j in range(30)) / 30,
        "recall": sum(any(row[i] for row in of_fake) for i in range(40)) / 40,
        "density": sum(map(sum, of_real)) / (k * 30),
        "coverage": sum(map(any, of_real)) / 40,
    }
    pair = Features(real, None), Features(fake, None)
    assert PrecisionRecall(k)(*pair) | DensityCoverage(k)(*pair) == pytest.approx(expected, rel=1e-12)


@pytest.mark.usefixtures("_any_block")
@pytest.mark.parametrize("far", [0, 1000])
def test_what_lies_on_a_ball_lies_in_it(far: int) -> None:
    """Features of three levels, many alike: all distances are whole numbers, and ties are everywhere."""
    chance = torch.Generator().manual_seed(0)
    real, fake = (torch.randint(0, 3, (count, 4), generator=chance) + far for count in (60, 45))
    k = 3
    of_real, of_fake = (
        (((a[:, None] - b[None]) ** 2).sum(2) <= _kth(a, k)[:, None]) for a, b in ((real, fake), (fake, real))
    )
    expected = {
        "precision": of_real.any(0).float().mean().item(),
        "recall": of_fake.any(0).float().mean().item(),
        "density": of_real.sum().item() / (k * 45),
        "coverage": of_real.any(1).float().mean().item(),
    }
    pair = Features(real.double() / 8, None), Features(fake.double() / 8, None)
    assert PrecisionRecall(k)(*pair) | DensityCoverage(k)(*pair) == pytest.approx(expected, rel=1e-6)


def _kth(x: Tensor, k: int) -> Tensor:
    """Squared distance of each row of whole numbers to its k-th nearest other row."""
    distances = ((x[:, None] - x[None]) ** 2).sum(2)
    return distances.fill_diagonal_(10**9).sort(1).values[:, k - 1]


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that anything made."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        tensors = [part for part in (made if isinstance(made, tuple) else (made,)) if isinstance(part, Tensor)]
        self.numbers = max([self.numbers, *(tensor.numel() for tensor in tensors)])
        return made


@pytest.mark.parametrize("score", [PrecisionRecall(3), DensityCoverage(5)])
def test_no_matrix_of_all_distances_is_held(
    score: PrecisionRecall | DensityCoverage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK_ENTRIES", 3000)
    with Largest() as largest:
        score(Features(draw(200, 0), None), Features(draw(300, 1), None))
    assert largest.numbers <= 3000 < 200 * 200


def test_of_a_sample_to_itself() -> None:
    same = Features(draw(50, 0), None)
    assert PrecisionRecall(3)(same, same) == {"precision": 1.0, "recall": 1.0}
    assert DensityCoverage(5)(same, same)["coverage"] == 1.0


def test_one_good_image_repeated_is_precise_and_recalls_nothing() -> None:
    real = draw(50, 0)
    pair = Features(real, None), Features(real[:1].expand(50, -1), None)
    assert PrecisionRecall(3)(*pair)["precision"] == 1.0
    assert PrecisionRecall(3)(*pair)["recall"] <= 1 / 50
    assert DensityCoverage(5)(*pair)["coverage"] < 0.5


def test_far_fakes_score_nothing() -> None:
    pair = Features(draw(50, 0), None), Features(draw(50, 1) + 1000, None)
    assert set((PrecisionRecall(3)(*pair) | DensityCoverage(5)(*pair)).values()) == {0.0}


@pytest.mark.parametrize("score", [PrecisionRecall, DensityCoverage])
def test_nonsense_is_a_mistake(score: type[PrecisionRecall | DensityCoverage]) -> None:
    with pytest.raises(Mistake, match="k=0"):
        score(0)
    with pytest.raises(Mistake, match="at least 4 images"):
        score(3)(Features(draw(3, 0), None), Features(draw(9, 1), None))
