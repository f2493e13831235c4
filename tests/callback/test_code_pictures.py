from __future__ import annotations

import numpy as np
import pytest
import torch

from atelier.callback import code_pictures
from atelier.callback.score_panels import notes, score_panels
from atelier.metric.code_splits import Coded


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (300, 3, 5, 5), (7, 2, 4, 4)])
def test_filters_are_grey_where_a_weight_is_0(shape: tuple[int, ...]) -> None:
    weights = torch.zeros(shape)
    weights[0, :, 0, 0], weights[0, :, 1, 1] = 5.0, -5.0
    drawn = code_pictures.filters(weights, side=100)
    assert drawn.dtype == np.uint8
    assert {0, 128, 255} <= set(np.unique(drawn).tolist()) <= {0, 128, 255}


@pytest.mark.parametrize("units", [1, 2, 40])
@pytest.mark.parametrize("labels", [None, np.arange(9) % 3])
@pytest.mark.parametrize("constant", [True, False])
def test_activations_and_maps_of_any_code(units: int, labels: np.ndarray | None, constant: bool) -> None:
    codes = np.random.default_rng(0).random((9, units), np.float32) * (not constant)
    for drawn in (
        code_pictures.histogram(codes, 0.05),
        code_pictures.histogram(-codes, None),
        code_pictures.atlas(Coded(codes, codes, labels)),
    ):
        assert drawn.shape[2] == 3 and drawn.std() > 0


def score(**protocol: object) -> dict[str, object]:
    return {"best": 0.5, "best_epoch": 2, "floor": None, "higher_is_better": True, "protocol": protocol}


def test_what_a_score_is_compared_with_stands_in_its_chart() -> None:
    names = ("val/probe", "val/probe_pixels", "val/probe_pca", "val/activation", "val/fd_pixels")
    curves = {name: ([1.0, 2.0], [0.4, 0.5]) for name in names}
    panels = score_panels(curves, {name: score() for name in names}, {"val/activation": 0.05})
    assert [panel.title for panel in panels] == ["probe", "activation", "fd_pixels"]
    told = [words for _, words in panels[0].keys]
    assert told[-2:] == ["raw pixels 0.5", "PCA of equal width 0.5"]
    assert ("level", "wanted 0.05") in panels[1].keys


def test_protocols_are_told_once_for_all_figures_that_share_them() -> None:
    assert notes({"val/a": score(split="test"), "val/b": score(split="test")}) == ["split test"]
    told = notes({"val/a": score(split="test"), "val/b": score(split="test", train=3), "val/c": score(split="test")})
    assert told == ["a, c: split test", "b: split test · train 3"]
