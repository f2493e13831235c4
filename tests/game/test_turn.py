"""What a turn may touch: the player's parameters and buffers, nothing of the one who rests."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from atelier.game.ledger import Ledger
from atelier.game.turn import resting, turn


class Table:
    def __init__(self) -> None:
        self.ledger = Ledger()

    def manual_backward(self, loss: torch.Tensor) -> None:
        loss.backward()


def players() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    critic = nn.Sequential(spectral_norm(nn.Linear(4, 8)), nn.BatchNorm1d(8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    return generator, critic


def test_the_resting_players_parameters_and_buffers_stay_bit_identical() -> None:
    generator, critic = players()
    before = copy.deepcopy(critic.state_dict())
    optimizer = torch.optim.Adam(generator.parameters(), 1e-2)
    with turn(Table(), "g", optimizer, rests=[critic]) as descend:
        descend({"adversarial": critic(generator(torch.randn(16, 3))).mean()})
    assert all(torch.equal(before[name], value) for name, value in critic.state_dict().items())
    assert all(p.grad is None for p in critic.parameters())
    assert all(p.grad is not None for p in generator.parameters())


def test_the_playing_players_buffers_move_in_its_own_turn() -> None:
    generator, critic = players()
    before = copy.deepcopy(critic.state_dict())
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    with turn(Table(), "d", optimizer, rests=[generator]) as descend:
        descend({"adversarial": critic(torch.randn(16, 4)).mean()})
    moved = {name for name, value in critic.state_dict().items() if not torch.equal(before[name], value)}
    assert {"1.running_mean", "1.num_batches_tracked", "0.parametrizations.weight.0._u"} <= moved


def test_resting_normalises_by_the_batch_as_training_does() -> None:
    generator, _ = players()
    x = torch.randn(16, 3)
    trained = generator(x)
    with resting(generator):
        rested = generator(x)
    torch.testing.assert_close(rested, trained, rtol=0, atol=0)


def test_everything_is_restored_also_after_a_failure() -> None:
    generator, critic = players()
    frozen = generator[0].bias.requires_grad_(False)
    try:
        with resting(generator), resting(critic):
            raise KeyError
    except KeyError:
        pass
    assert not frozen.requires_grad  # what was frozen before stays frozen
    assert all(p.requires_grad for p in critic.parameters())
    assert generator[1].track_running_stats
    assert all(m.training for m in critic.modules())


def test_an_interrupted_turn_applies_nothing() -> None:
    generator, critic = players()
    before = copy.deepcopy(generator.state_dict())
    optimizer = torch.optim.SGD(generator.parameters(), 1.0)
    try:
        with turn(Table(), "g", optimizer, rests=[critic]) as descend:
            descend({"adversarial": generator(torch.randn(16, 3)).sum()})
            raise KeyError
    except KeyError:
        pass
    parameters = dict(generator.named_parameters())
    assert all(torch.equal(before[name], value) for name, value in parameters.items())


def test_the_logged_terms_sum_to_the_loss_and_parts_to_the_batch() -> None:
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    x = torch.tensor([1.0, 2.0, 3.0, 6.0])
    table, optimizer = Table(), torch.optim.SGD([weight], 0.0)
    with turn(table, "d", optimizer, rests=[nn.Identity()]) as descend:
        for part in (x[:1], x[1:]):
            descend({"a": (weight * part).mean(), "b": (weight**2 * part).mean()}, share=len(part) / 4)
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, (x + 2 * weight.detach() * x).mean().view(1))
    row = table.ledger.close()
    assert row["d/loss"] == pytest.approx(row["d/a"] + row["d/b"], rel=1e-6)
