from __future__ import annotations

import pytest
import torch

from atelier.data.batches import Batches, Loader, OrderedBatches, ShuffledBatches
from atelier.data.source import Images
from atelier.moment import Moment

SIZE, BATCH = 53, 8


def pictures(size: int = SIZE) -> Batches:
    pixels = torch.arange(size, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    return Batches(Images(pixels, labels=torch.arange(size) % 10), torch.arange(size))


@pytest.mark.parametrize("workers", [0, 2])
def test_order_is_the_permutation_whatever_the_workers(workers: int) -> None:
    order = ShuffledBatches(SIZE, BATCH, seed=3)
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
    first, second = ShuffledBatches(SIZE, BATCH, seed=3), ShuffledBatches(SIZE, BATCH, seed=4)
    assert not torch.equal(first.permutation(), second.permutation())
    before = first.permutation()
    first.set_epoch(1)
    assert not torch.equal(first.permutation(), before)
    assert torch.equal(before.sort().values, torch.arange(SIZE))


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_share_the_global_batch(world: int) -> None:
    alone = list(ShuffledBatches(SIZE, BATCH, seed=0))
    ranks = [list(ShuffledBatches(SIZE, BATCH, seed=0, rank=rank, world=world)) for rank in range(world)]
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
    order = ShuffledBatches(SIZE, BATCH, seed=0)
    begun = iter(Loader(pictures(), order, workers=1))
    order.set_epoch(4)
    assert next(begun).epoch == 4


def test_iterating_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    list(Loader(pictures(), ShuffledBatches(SIZE, BATCH, seed=0), workers=0))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("taken", [0, 3, SIZE // BATCH])
def test_a_loader_goes_on_at_the_batch_after_the_last_one_taken(workers: int, taken: int) -> None:
    whole = Loader(pictures(), ShuffledBatches(SIZE, BATCH, seed=1), 0)
    steps: list[int] = []
    for epoch in (2, 3):
        whole.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        steps += [batch.step for batch in whole]
    first = Loader(pictures(), ShuffledBatches(SIZE, BATCH, seed=1), workers)
    first.sampler.set_epoch(2)  # type: ignore[attr-defined]
    seen = [batch.step for batch, _ in zip(first, range(taken), strict=False)]
    state = {**first.state_dict(), **({} if taken else {"step": 2 * len(first)})}

    again = Loader(pictures(), ShuffledBatches(SIZE, BATCH, seed=1), workers)
    again.load_state_dict(state)
    for epoch in (2, 3):
        again.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        seen += [batch.step for batch in again]
    assert [step for step in steps if step >= state["step"]] == seen[min(taken, len(seen)) :]
    assert again.state_dict() == {"step": 4 * len(again), "batches": len(again)}


def test_an_epoch_cut_short_is_followed_by_a_whole_one() -> None:
    """With trainer.limit_train_batches the position at an epoch's end lies before its last batch."""
    order = ShuffledBatches(SIZE, BATCH, seed=0)
    order.start = 2 * len(order) + 3
    order.set_epoch(3)
    assert [draw.step for draw in order] == list(range(3 * len(order), 4 * len(order)))
