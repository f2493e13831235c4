from __future__ import annotations

import numpy as np
import pytest
import torch

from atelier.callback.picture import Grid, Scatter
from atelier.types import Mistake


def test_grid_puts_images_in_reading_order_and_enlarges_by_whole_factors() -> None:
    values = torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0, 0.2]).view(6, 1, 1, 1).expand(6, 1, 4, 4)
    grid = Grid(rows=2, columns=3, side=60)
    drawn = grid.draw(values, None)
    assert grid.count == 6
    assert drawn.dtype == np.uint8
    assert drawn.shape == (2 * 20 + 1, 3 * 20 + 2, 3)
    assert [int(drawn[10 + 21 * row, 10 + 21 * column, 0]) for row in (0, 1) for column in range(3)] == [
        0,
        64,
        128,
        191,
        255,
        153,
    ]


def test_grid_keeps_colours() -> None:
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert Grid(1, 1, 2).draw(red, None)[0, 0].tolist() == [255, 0, 0]


def test_walks_are_rows() -> None:
    drawn = Grid(8, 8, 64).walk(torch.zeros(6, 1, 8, 8), rows=2)
    assert drawn.shape[1] > 2 * drawn.shape[0] / 2
    assert drawn.shape[0] // 2 == pytest.approx(drawn.shape[1] // 3, abs=2)


@pytest.mark.parametrize("reals", [True, False])
def test_scatter_draws_points(reals: bool) -> None:
    points = torch.zeros(5, 2, 1, 1)
    drawn = Scatter(5).draw(points, points if reals else None)
    assert drawn.dtype == np.uint8
    assert drawn.ndim == 3
    orange = (drawn[..., 0].astype(int) - drawn[..., 2]) > 60
    assert orange.any()
    rows, columns = np.nonzero(orange[120:])  # below the legend
    assert abs(columns.mean() / drawn.shape[1] - 0.5) < 0.1
    assert abs((rows.mean() + 120) / drawn.shape[0] - 0.5) < 0.1


def test_walks_of_points_are_drawn() -> None:
    assert Scatter(5).walk(torch.rand(12, 2, 1, 1), rows=3).std() > 0


def test_a_picture_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(Mistake, match="picture=scatter"):
        Grid(1, 1, 8).draw(torch.zeros(1, 2, 1, 1), None)
    with pytest.raises(Mistake, match="picture=grid"):
        Scatter(1).draw(torch.zeros(1, 1, 8, 8), None)
    for wrong in ({"rows": 0}, {"columns": -1}, {"side": 0}):
        with pytest.raises(Mistake):
            Grid(**({"rows": 1, "columns": 1, "side": 8} | wrong))
