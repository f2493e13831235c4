from __future__ import annotations

import math

import pytest
import torch

from atelier.metric.paired_score import figures_of, paired_scores
from atelier.pixels import to_levels
from atelier.similarity import ssim


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_each_row_is_one_pair() -> None:
    x, y = noise(5, 3, 12, 9), noise(5, 3, 12, 9, seed=1)
    rows = paired_scores(x, y)
    assert rows.shape == (5, 3)
    for place, (one, other) in enumerate(zip(x, y, strict=True)):
        expected = [
            (one - other).abs().mean(),
            (one - other).square().mean(),
            ssim(*map(to_levels, (one[None], other[None]))),
        ]
        assert rows[place].tolist() == pytest.approx([float(value) for value in expected], rel=1e-5)


def test_a_pass_is_the_mean_over_its_images() -> None:
    rows = torch.tensor([[0.5, 0.01, 1.0], [0.1, 0.03, 0.5]])
    assert figures_of(rows) == pytest.approx({"l1": 0.3, "psnr": 10 * math.log10(4 / 0.02), "ssim": 0.75}, rel=1e-6)


def test_equal_images_are_infinitely_alike_and_small_ones_have_no_windows() -> None:
    x = noise(2, 1, 4, 4)
    assert figures_of(paired_scores(x, x)) == {"l1": 0.0, "psnr": math.inf}
    assert figures_of(paired_scores(noise(2, 1, 8, 8), noise(2, 1, 8, 8)))["ssim"] == pytest.approx(1.0)
