"""Orders of an epoch, drawn at once or computed where they are looked at."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from atelier.data.batches import TrainingBatches
from atelier.data.shuffle import Permutation, permuted

MANY = 100_000


def permutation(size: int, seed: int = 0) -> Permutation:
    return Permutation(size, torch.Generator().manual_seed(seed))


def whole(size: int, seed: int = 0) -> NDArray[np.int64]:
    return permutation(size, seed)[0:size]


@pytest.mark.parametrize("size", [2, 3, 4, 5, 17, 1023, 1024, 1025, 65_537, 131_072, 131_073])
def test_every_image_comes_once(size: int) -> None:
    assert np.array_equal(np.sort(whole(size)), np.arange(size))


def test_parts_are_those_of_the_whole_in_any_order() -> None:
    order, expected = permutation(MANY), whole(MANY)
    for first, last in ((0, 64), (64, 128), (4090, 4100), (70_000, 90_000), (10, 20), (99_990, 100_050), (5, 5)):
        assert np.array_equal(order[first:last], expected[first:last])


def test_it_is_a_function_of_seed_and_epoch() -> None:
    first, again, seed, epoch = (permuted(MANY, *place)[0:MANY] for place in ((3, 0), (3, 0), (4, 0), (3, 1)))
    assert np.array_equal(first, again)
    for other in (seed, epoch):
        assert (first == other).sum() < 10  # one meets itself by chance


def test_the_places_of_an_image_are_uniform_and_know_nothing_of_its_neighbours() -> None:
    places = np.array([permutation(MANY, seed)[0:3] for seed in range(2000)]) / MANY
    for column in places.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(places.T) - np.eye(3)).max() < 0.1


@pytest.mark.parametrize("apart", [1, 2, 64])
def test_images_of_a_batch_come_from_everywhere(apart: int) -> None:
    order = whole(MANY)
    for pair in ((np.arange(MANY - apart), order[apart:]), (order[:-apart], order[apart:])):
        met, _, _ = np.histogram2d(*pair, bins=50)
        assert stats.chisquare(met.ravel()).pvalue > 1e-3
    parities = np.bincount(order[:-apart] % 2 * 2 + order[apart:] % 2)
    assert stats.chisquare(parities).pvalue > 1e-3


def test_small_orders_are_drawn_by_torch() -> None:
    order = permuted(65_536, 0, 0)
    assert isinstance(order, np.ndarray) and len(order) == 65_536
    assert isinstance(permuted(65_537, 0, 0), Permutation)


def test_an_order_takes_the_same_memory_for_ten_thousand_million_images() -> None:
    batches = TrainingBatches(lambda epoch: permuted(10**10, 0, epoch), 10**10, 64)
    draws = iter(batches)
    tracemalloc.start()
    seen = np.concatenate([next(draws).indices for _ in range(200)])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2_000_000
    assert len(np.unique(seen)) == len(seen) and seen.min() >= 0 and 9e9 < seen.max() < 10**10
