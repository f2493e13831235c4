from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from atelier.data.batches import Batches, Loader, OrderedBatches, TrainingBatches, validating
from atelier.data.shuffle import permuted
from atelier.data.source import Images
from atelier.moment import Moment
from atelier.types import Mistake

SIZE, BATCH = 53, 8


def pictures(size: int = SIZE) -> Batches:
    pixels = torch.arange(size, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    return Batches(Images(pixels, labels=torch.arange(size) % 10), torch.arange(size))


def shuffled(seed: int = 0, rank: int = 0, world: int = 1) -> TrainingBatches:
    return TrainingBatches(partial(permuted, SIZE, seed), SIZE, BATCH, rank=rank, world=world)


@pytest.mark.parametrize("workers", [0, 2])
def test_order_is_the_permutation_whatever_the_workers(workers: int) -> None:
    order = shuffled(seed=3)
    loader = Loader(pictures(), order, workers)
    assert len(loader) == SIZE // BATCH
    for epoch in (0, 1, 5):
        order.set_epoch(epoch)
        generator = Moment(seed=3, step=epoch).within("data").generator("order")
        expected = torch.randperm(SIZE, generator=generator)[: len(loader) * BATCH].split(BATCH)
        for number, (batch, indices) in enumerate(zip(loader, expected, strict=True)):
            assert torch.equal(batch.indices, indices)
            assert torch.equal(batch.images[:, 0, 0, 0].long(), indices)
            assert torch.equal(batch.labels, indices % 10)
            assert batch.step == epoch * len(loader) + number
            assert batch.epoch == epoch + number / len(loader)


def test_epochs_and_seeds_have_other_orders() -> None:
    first, other, later = (permuted(SIZE, *place) for place in ((3, 0), (4, 0), (3, 1)))
    assert not np.array_equal(first, other) and not np.array_equal(first, later)
    assert sorted(first) == list(range(SIZE))


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_share_the_global_batch(world: int) -> None:
    alone = list(shuffled())
    ranks = [list(shuffled(rank=rank, world=world)) for rank in range(world)]
    for whole, *parts in zip(alone, *ranks, strict=True):
        assert [index for part in parts for index in part.indices] == list(whole.indices)
        assert {(part.step, part.epoch) for part in parts} == {(whole.step, whole.epoch)}


@pytest.mark.parametrize("size", [1, 2, 7, 16, 53])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_evaluation_sees_every_image_once(size: int, world: int) -> None:
    ranks = [list(OrderedBatches(size, BATCH, rank=rank, world=world)) for rank in range(world)]
    pieces = [draw.indices for draws in ranks for draw in draws]
    assert sorted(index for piece in pieces for index in piece) == list(range(size))
    assert all(0 < len(piece) <= -(-BATCH // world) for piece in pieces)
    if size >= BATCH * world:
        assert len({len(draws) for draws in ranks}) == 1
        assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


def test_an_epoch_begins_when_its_first_batch_is_asked_for() -> None:
    order = shuffled()
    begun = iter(Loader(pictures(), order, workers=1))
    order.set_epoch(4)
    assert next(begun).epoch == 4


def test_iterating_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    list(Loader(pictures(), shuffled(), workers=0))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("taken", [0, 3, SIZE // BATCH])
def test_a_loader_goes_on_at_the_batch_after_the_last_one_taken(workers: int, taken: int) -> None:
    order = shuffled(seed=1)
    whole = Loader(pictures(), order, 0)
    steps: list[int] = []
    for epoch in (2, 3):
        order.set_epoch(epoch)
        steps += [batch.step for batch in whole]
    order = shuffled(seed=1)
    order.set_epoch(2)
    first = Loader(pictures(), order, workers)
    seen = [batch.step for batch, _ in zip(first, range(taken), strict=False)]
    state = {**first.state_dict(), **({} if taken else {"step": 2 * len(first)})}

    order = shuffled(seed=1)
    again = Loader(pictures(), order, workers)
    again.load_state_dict(state)
    for epoch in (2, 3):
        order.set_epoch(epoch)
        seen += [batch.step for batch in again]
    assert [step for step in steps if step >= state["step"]] == seen[min(taken, len(seen)) :]
    assert again.state_dict() == {"step": 4 * len(again), "batches": len(again), "images": order.size}


def test_an_epoch_cut_short_is_followed_by_a_whole_one() -> None:
    """With trainer.limit_train_batches the position at an epoch's end lies before its last batch."""
    order = shuffled()
    order.start = 2 * len(order) + 3
    order.set_epoch(3)
    assert [draw.step for draw in order] == list(range(3 * len(order), 4 * len(order)))


def test_every_rank_has_an_image_to_validate_on() -> None:
    assert [len(validating(2, 8, rank=rank, world=2)) for rank in range(2)] == [1, 1]
    with pytest.raises(Mistake, match="1 image to validate on cannot be shared by 2 devices"):
        validating(1, 8, rank=0, world=2)
