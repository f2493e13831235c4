"""The moving average against its formula."""

import pytest
import torch
from torch import nn

from atelier.game.average import Average
from atelier.types import Mistake


def test_follows_the_formula_with_its_warm_up() -> None:
    network = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(1.0)
    average = Average(network, decay=0.6, warm_up=10)
    expected = 1.0
    for t, weight in enumerate((3.0, -2.0, 5.0, 8.0, 1.0, 2.0, 4.0, 7.0, 9.0, 11.0, 13.0, 17.0)):
        with torch.no_grad():
            network.weight.fill_(weight)
        average.update(network, epoch=0.0)
        beta = min(0.6, (1 + t) / (10 + t))
        expected = beta * expected + (1 - beta) * weight
    assert average.network.weight.item() == pytest.approx(expected, rel=1e-6)
    assert int(average.updates) == 12


def test_goes_on_from_a_stored_state() -> None:
    network = nn.Linear(2, 2)
    whole, halves = Average(network, 0.9), Average(network, 0.9)
    weights = [torch.randn(2, 2, generator=torch.Generator().manual_seed(i)) for i in range(6)]
    for step, weight in enumerate(weights):
        network.weight.data = weight.clone()
        whole.update(network, 0.0)
        if step == 3:
            stored = halves.state_dict()
            halves = Average(nn.Linear(2, 2), 0.9)
            halves.load_state_dict(stored)
        halves.update(network, 0.0)
    assert torch.equal(whole.network.weight, halves.network.weight)


def test_buffers_are_copied_and_the_average_never_trains() -> None:
    network = nn.BatchNorm1d(3)
    average = Average(network, 0.999).train()
    network(torch.randn(8, 3))
    average.update(network, 0.0)
    assert torch.equal(average.network.running_mean, network.running_mean)
    assert int(average.network.num_batches_tracked) == 1
    assert not average.network.training
    assert not any(p.requires_grad for p in average.parameters())


def test_decay_may_follow_a_schedule() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = Average(network, decay=lambda epoch: 0.0 if epoch < 1 else 1.0 - 1e-9, warm_up=1)
    network.weight.data.fill_(4.0)
    average.update(network, epoch=0.5)
    assert average.network.weight.item() == 4.0


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_a_decay_outside_its_range_is_refused(decay: float) -> None:
    with pytest.raises(Mistake, match=r"ema\.decay"):
        Average(nn.Linear(1, 1), decay)


def test_follows_whichever_network_it_is_given() -> None:
    first, second = (nn.BatchNorm1d(1) for _ in range(2))
    average = Average(first, 0.5, warm_up=1)
    first.weight.data.fill_(3.0)
    average.update(first, 0.0)
    second.weight.data.fill_(5.0)
    second.running_mean.fill_(7.0)
    average.update(second, 0.0)
    assert average.network.weight.item() == pytest.approx(0.5 * 2.0 + 0.5 * 5.0)
    assert average.network.running_mean.item() == 7.0


def test_goes_on_where_a_model_has_moved_to() -> None:
    network = nn.BatchNorm1d(1)
    average = Average(network, 0.5, warm_up=1)
    average.update(network, 0.0)
    network.double()
    average.double()  # parameters stay the same objects, as on the way to a device; buffers do not
    network.weight.data.fill_(5.0)
    network.running_mean.fill_(7.0)
    average.update(network, 0.0)
    assert average.network.weight.item() == pytest.approx(0.5 * 1.0 + 0.5 * 5.0)
    assert average.network.running_mean.item() == 7.0
