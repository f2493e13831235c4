from __future__ import annotations

import pytest
import torch

from atelier.metric.score import OfReal, exact, require_images, score_name
from atelier.types import Mistake


@pytest.mark.parametrize(
    ("score", "extractor", "name"),
    [
        ("fd", "inception", "fid"),
        ("fd", "digits", "fd_digits"),
        ("fd", "inception_0123abcd", "fd_inception_0123abcd"),
        ("kid", "inception", "kid"),
        ("kid", "mnist", "kid_mnist"),
        ("precision", "inception", "precision"),
        ("modes", "points", "modes_points"),
    ],
)
def test_only_inceptions_figures_bear_bare_names(score: str, extractor: str, name: str) -> None:
    assert score_name(score, extractor) == name


def test_what_follows_from_the_reals_is_derived_once_per_tensor() -> None:
    calls = []
    of_real = OfReal(lambda real: calls.append(real) or len(calls))
    first, second = torch.zeros(3), torch.zeros(3)
    assert [of_real(x) for x in (first, first, second, second, first)] == [1, 1, 2, 2, 3]


def test_too_few_images_are_a_mistake_that_counts_them() -> None:
    with pytest.raises(Mistake, match=r"at least 4 images .* 5 real and 3 fake"):
        require_images("recall", 4, torch.zeros(5, 1), torch.zeros(3, 1))


def test_exact_is_float64_without_a_graph() -> None:
    features = exact(torch.ones(2, 2, requires_grad=True))
    assert features.dtype == torch.float64
    assert not features.requires_grad
