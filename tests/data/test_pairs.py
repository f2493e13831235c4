from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from atelier.data.batches import Draw, TrainingBatches
from atelier.data.pairs import Pairing, Pairs, Side
from atelier.data.shuffle import permuted
from atelier.moment import Moment
from atelier.types import UnpairedBatch


def side(size: int, first: int = 0) -> Side:
    """Images of one pixel whose level is their position plus ``first``."""
    return Side((torch.arange(size) + first).to(torch.uint8).view(-1, 1, 1, 1), torch.arange(size))


def epoch(
    a: int, b: int, pairing: Pairing, number: int = 0, *, batch: int = 1, rank: int = 0, world: int = 1
) -> list[UnpairedBatch]:
    pairs = Pairs(side(a), side(b, 100), pairing, None, Moment(seed=7, step=0, rank=rank, world=world))
    order = TrainingBatches(partial(permuted, len(pairs), 7), len(pairs), batch, rank=rank, world=world)
    order.set_epoch(number)
    batches = [pairs[draw] for draw in order]
    for one in batches:
        assert torch.equal(one.a.flatten().long(), one.indices_a)
        assert torch.equal(one.b.flatten().long(), one.indices_b + 100)
    return batches


def indices(batches: list[UnpairedBatch]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([one.indices_a for one in batches]), torch.cat([one.indices_b for one in batches])


@pytest.mark.parametrize("pairing", ["random", "serial"])
@pytest.mark.parametrize(("a", "b"), [(1, 7), (7, 1), (5, 12), (12, 5), (6, 6)])
def test_an_epoch_is_as_long_as_the_larger_domain_and_covers_a_evenly(a: int, b: int, pairing: Pairing) -> None:
    batches = epoch(a, b, pairing)
    assert len(batches) == max(a, b)
    of_a, of_b = indices(batches)
    wanted = torch.tensor([index % a for index in range(max(a, b))])
    assert torch.equal(of_a.sort().values, wanted.sort().values)
    assert of_b.max() < b


def test_serial_pairs_are_in_step() -> None:
    order = permuted(12, 7, epoch=0)
    of_a, of_b = indices(epoch(5, 12, "serial"))
    assert of_a.tolist() == [index % 5 for index in order.tolist()]
    assert of_b.tolist() == order.tolist()


def test_partners_are_drawn_uniformly_and_anew() -> None:
    drawn = [indices(epoch(100, 10, "random", number)) for number in range(30)]
    seen = torch.bincount(torch.cat([of_b for _, of_b in drawn]), minlength=10)
    # Chi-squared of 9 degrees of freedom: 27.9 is passed once in a thousand.
    assert ((seen - 300).square() / 300).sum() < 27.9
    partners = [dict(zip(of_a.tolist(), of_b.tolist(), strict=True)) for of_a, of_b in drawn[:2]]
    same = sum(partners[0][index] == partners[1][index] for index in range(100))
    assert same < 30


@pytest.mark.parametrize("pairing", ["random", "serial"])
def test_ranks_share_the_global_batch(pairing: Pairing) -> None:
    whole = indices(epoch(9, 13, pairing, 1, batch=4))
    parts = [epoch(9, 13, pairing, 1, batch=4, rank=rank, world=2) for rank in range(2)]
    for place, wanted in enumerate(whole):
        joined = [torch.cat([indices([part])[place] for part in batch]) for batch in zip(*parts, strict=True)]
        assert torch.equal(torch.cat(joined), wanted)


def test_a_subset_is_what_is_drawn_from() -> None:
    few = Side(side(10).pixels, torch.tensor([8, 3]))
    pairs = Pairs(few, side(3), "random", None, Moment(seed=0, step=0))
    assert len(pairs) == 3
    batch = pairs[Draw(0, 0.0, np.array([0, 1, 2]))]
    assert batch.a.flatten().tolist() == [8, 3, 8]
    assert batch.indices_a.tolist() == [0, 1, 0]
