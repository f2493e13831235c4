from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.kid import KernelInceptionDistance

from atelier.metric import kernel
from atelier.metric.kernel import KernelDistance, across, within
from atelier.types import Features, Mistake


def draw(count: int, width: int, seed: int) -> Tensor:
    return torch.randn(count, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def mmd(x: Tensor, y: Tensor) -> Tensor:
    return within(x) + within(y) - 2 * across(x, y)


def by_loops(x: Tensor, y: Tensor) -> float:
    """Bińkowski et al. 2018, eq. 4, pair by pair."""

    def cubic(a: Tensor, b: Tensor) -> float:
        return ((a @ b).item() / len(a) + 1) ** 3

    def among(z: Tensor) -> float:
        pairs = [cubic(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j]
        return sum(pairs) / len(pairs)

    between = [cubic(a, b) for a in x for b in y]
    return among(x) + among(y) - 2 * sum(between) / len(between)


class Itself(nn.Module):
    num_features = 6

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_is_the_double_sum_over_pairs() -> None:
    x, y = draw(9, 4, 0), draw(7, 4, 1) + 0.5
    assert mmd(x, y).item() == pytest.approx(by_loops(x, y), rel=1e-10)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw(23, 4, 0), draw(17, 4, 1) + 0.5
    whole = mmd(x, y)
    for rows in (1, 5, 17, 22):
        monkeypatch.setattr(kernel, "_ROWS", rows)
        assert mmd(x, y).item() == pytest.approx(whole.item(), rel=1e-12)


def test_reals_are_remembered_only_as_what_they_are() -> None:
    reals = [Features(draw(50, 4, seed), None) for seed in (0, 1)]
    fakes = [Features(draw(count, 4, count) + 0.5, None) for count in (40, 8, 60)]
    score = KernelDistance(3, 10, 0)
    for real in (reals[0], reals[1], reals[0]):
        for fake in fakes:
            assert score(real, fake) == KernelDistance(3, 10, 0)(real, fake)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all")
def test_agrees_with_torchmetrics_on_whole_samples() -> None:
    real, fake = draw(60, 6, 0), draw(60, 6, 1) + 0.3
    reference = KernelInceptionDistance(feature=Itself(), subsets=1, subset_size=60)
    reference.update(real, real=True)
    reference.update(fake, real=False)
    ours = KernelDistance(subsets=5, subset_size=1000, seed=0)(Features(real, None), Features(fake, None))
    assert ours["kid"] == pytest.approx(reference.compute()[0].item(), rel=1e-6)


def test_subsets_average_to_nothing_for_equal_distributions() -> None:
    figures = torch.stack([mmd(draw(20, 3, 2 * i), draw(20, 3, 2 * i + 1)) for i in range(400)])
    assert figures.mean().abs() < 4 * figures.std() / 400**0.5
    assert figures.min() < 0


def test_subsets_follow_the_seed_and_no_global_generator() -> None:
    real, fake = Features(draw(50, 4, 0), None), Features(draw(40, 4, 1), None)
    before = torch.get_rng_state()
    first, again, other = (KernelDistance(3, 10, seed)(real, fake)["kid"] for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert first == again != other


def test_constant_fakes_give_a_figure() -> None:
    fake = Features(draw(1, 4, 1).expand(30, -1), None)
    assert KernelDistance(3, 10, 0)(Features(draw(30, 4, 0), None), fake)["kid"] > 0


@pytest.mark.parametrize(("subsets", "size"), [(0, 10), (5, 1), (-1, 10)])
def test_nonsense_is_a_mistake(subsets: int, size: int) -> None:
    with pytest.raises(Mistake, match="subset"):
        KernelDistance(subsets, size, 0)
