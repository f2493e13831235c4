from __future__ import annotations

import torch
from torch import Tensor

from atelier.metric.feature_bank import FeatureBank
from atelier.types import Features

COUNT = 20
FEATURES = Features(torch.arange(COUNT * 3.0).view(COUNT, 3), torch.arange(COUNT * 2.0).view(COUNT, 2))


def put(bank: FeatureBank, rows: Tensor, batch_size: int) -> FeatureBank:
    for some in rows.split(batch_size):
        bank.update(some, Features(FEATURES.features[some], FEATURES.logits[some]))
    return bank


def assert_complete(found: Features) -> None:
    assert torch.equal(found.features, FEATURES.features)
    assert torch.equal(found.logits, FEATURES.logits)


def test_rows_are_the_same_for_any_batch_size_and_order() -> None:
    shuffled = torch.randperm(COUNT, generator=torch.Generator().manual_seed(0))
    for rows in (torch.arange(COUNT), shuffled):
        for batch_size in (1, 7, COUNT):
            assert_complete(put(FeatureBank(), rows, batch_size).compute())


def test_a_samplers_padding_counts_once() -> None:
    assert_complete(put(FeatureBank(), torch.cat([torch.arange(COUNT), torch.arange(3)]), 8).compute())


def test_ranks_are_gathered_into_one_order() -> None:
    mine, other = (
        put(FeatureBank(), torch.arange(0, COUNT, 2), 4),
        put(FeatureBank(), torch.arange(1, COUNT, 2), 3),
    )
    theirs = iter([torch.cat(state) for state in (other.indices, other.features, other.logits)])
    mine.distributed_available_fn = lambda: True
    mine.dist_sync_fn = lambda tensor, group: [tensor, next(theirs)]
    assert_complete(mine.compute())


def test_features_are_float32_and_logits_optional() -> None:
    bank = FeatureBank()
    bank.update(torch.tensor([1, 0]), Features(torch.ones(2, 3, dtype=torch.bfloat16), None))
    found = bank.compute()
    assert found.features.dtype == torch.float32
    assert found.logits is None


def test_nothing_goes_into_a_checkpoint_and_reset_empties() -> None:
    bank = put(FeatureBank(), torch.arange(COUNT), 4)
    assert bank.state_dict() == {}
    bank.reset()
    assert_complete(put(bank, torch.arange(COUNT), 4).compute())
