from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing import get_context

from atelier.regularizer.kl_sparsity import KLSparsity, divergence
from atelier.types import Mistake


def codes(count: int = 8, units: int = 5, seed: int = 0) -> Tensor:
    return torch.rand(count, units, generator=torch.Generator().manual_seed(seed))


def test_value_and_gradient_against_the_closed_form() -> None:
    rho, batch = 0.05, codes().double().float().requires_grad_()
    (penalty,) = KLSparsity(5, rho, weight=3.0, decay=0.0)(batch).values()
    penalty.backward()
    mean = batch.detach().double().mean(0)
    coins = [torch.distributions.Bernoulli(probs) for probs in (torch.full_like(mean, rho), mean)]
    reference = 3 * torch.distributions.kl_divergence(*coins).sum()
    slope = 3 * (-rho / mean + (1 - rho) / (1 - mean)) / len(batch)
    torch.testing.assert_close(penalty.double(), reference, rtol=1e-6, atol=0)
    torch.testing.assert_close(batch.grad.double(), slope.expand_as(batch), rtol=1e-5, atol=0)


@pytest.mark.parametrize("rho", [0.001, 0.05, 0.5, 0.9])
def test_nothing_to_pay_at_rho(rho: float) -> None:
    rho_hat = torch.tensor([rho], dtype=torch.float64, requires_grad=True)
    value = divergence(rho, rho_hat).sum()
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-12) and rho_hat.grad.item() == pytest.approx(0, abs=1e-9)
    others = torch.tensor([0.5 * rho, 1 - 0.5 * (1 - rho)], dtype=torch.float64)
    assert (divergence(rho, others) > 0).all()


def test_the_value_comes_from_the_running_mean_and_the_gradient_through_the_batch() -> None:
    penalty, first, second = KLSparsity(5, 0.1, 1.0, decay=0.75), codes(8, seed=1), codes(4, seed=2).requires_grad_()
    penalty(first)
    value = penalty(second)["sparsity"]
    value.backward()
    # Decayed sums over decayed counts: batches of different sizes weigh as many images as they have.
    rho_hat = (0.75 * first.sum(0) + second.detach().sum(0)) / (0.75 * 8 + 4)
    torch.testing.assert_close(value.detach(), divergence(0.1, rho_hat).sum())
    slope = (-0.1 / rho_hat + 0.9 / (1 - rho_hat)) / 4
    torch.testing.assert_close(second.grad, slope.expand_as(second))


def test_the_running_mean_is_kept_in_a_checkpoint() -> None:
    one, other = KLSparsity(5, 0.1, 1.0, 0.9), KLSparsity(5, 0.1, 1.0, 0.9)
    one(codes())
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(codes(seed=3))["sparsity"], other(codes(seed=3))["sparsity"])


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_silent_and_saturated_units_give_finite_numbers(level: float) -> None:
    batch = torch.full((4, 5), level, requires_grad=True)
    value = KLSparsity(5, 0.05, 3.0, 0.9)(batch)["sparsity"]
    value.backward()
    assert value.isfinite() and batch.grad.isfinite().all()


def test_a_silent_unit_is_called_back_with_full_strength() -> None:
    before = torch.full((4, 5), -40.0, requires_grad=True)  # of the sigmoid: activations of 4e-18
    KLSparsity(5, 0.05, 3.0, 0.0)(before.sigmoid())["sparsity"].backward()
    torch.testing.assert_close(before.grad.sum(0), torch.full((5,), -3 * 0.05), rtol=1e-3, atol=0)


def test_autocast_is_left() -> None:
    batch = codes().requires_grad_()
    expected = KLSparsity(5, 0.05, 3.0, 0.9)(batch)["sparsity"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = KLSparsity(5, 0.05, 3.0, 0.9)(batch)["sparsity"]
    assert inside.dtype == torch.float32 and torch.equal(inside, expected)
    assert KLSparsity(5, 0.05, 3.0, 0.9)(batch.detach().bfloat16())["sparsity"].dtype == torch.float32


@pytest.mark.parametrize(
    ("option", "value"), [("rho", 0.0), ("rho", 1.0), ("rho", -0.1), ("weight", -1.0), ("decay", 1.0)]
)
def test_impossible_options_are_refused_by_name(option: str, value: float) -> None:
    with pytest.raises(Mistake, match=rf"sparsity\.{option}={value}"):
        KLSparsity(**{"units": 3, "rho": 0.1, "weight": 1.0, "decay": 0.5, option: value})


# --- two processes ------------------------------------------------------------------------------------------


def outcome(layer: nn.Linear, batches: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Last value, and gradient of the layer, of penalties on two batches one after the other."""
    penalty = KLSparsity(4, 0.05, 3.0, 0.9)
    values = [penalty(layer(batch).sigmoid())["sparsity"] for batch in batches]
    torch.stack(values).sum().backward()
    return values[-1].detach(), layer.weight.grad


def setting() -> tuple[nn.Linear, list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(6, 4)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return layer, [torch.randn(8, 6, generator=generator) for _ in range(2)]


def rank(number: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=number, world_size=2)
    layer, batches = setting()
    parts = [batch[:3] if number == 0 else batch[3:] for batch in batches]  # of different sizes
    value, gradient = outcome(layer, parts)
    dist.all_reduce(gradient)
    torch.save((value, gradient / 2), f"{folder}/{number}.pt")  # DDP averages
    dist.destroy_process_group()


def test_a_batch_split_over_two_processes_pays_what_the_whole_pays(tmp_path: Path) -> None:
    workers = [get_context("fork").Process(target=rank, args=(number, str(tmp_path))) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    layer, batches = setting()
    expected = outcome(layer, batches)
    for number in range(2):
        for part, whole in zip(torch.load(tmp_path / f"{number}.pt"), expected, strict=True):
            torch.testing.assert_close(part, whole, rtol=1e-5, atol=1e-7)
