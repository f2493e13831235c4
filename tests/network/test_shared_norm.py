from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from atelier.network.shared_norm import SharedBatchNorm, SharedBatchNorms


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A group of one process; tests/test_ranks.py has two."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.Sequential(nn.BatchNorm2d(3), nn.Flatten()), nn.BatchNorm1d(12))


@pytest.mark.usefixtures("alone")
def test_one_rank_is_batchnorm() -> None:
    theirs = network().double()
    ours = SharedBatchNorms().apply(copy.deepcopy(theirs))
    assert sum(isinstance(layer, SharedBatchNorm) for layer in ours.modules()) == 2
    batches = [images(6, 2, 4, 4).double() + shift for shift in (0.0, 3.0)]
    for batch in batches:
        mine, other = batch.clone().requires_grad_(), batch.clone().requires_grad_()
        out, expected = ours(mine), theirs(other)
        torch.testing.assert_close(out, expected, rtol=1e-9, atol=1e-12)
        out.pow(3).sum().backward()
        expected.pow(3).sum().backward()
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-8, atol=1e-11)
    torch.testing.assert_close(dict(ours.state_dict()), dict(theirs.state_dict()), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(ours.eval()(batches[0]), theirs.eval()(batches[0]), rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("alone")
def test_it_can_be_differentiated_twice() -> None:
    layer = SharedBatchNorm(2).double()
    assert torch.autograd.gradgradcheck(layer, images(4, 2, 3).double().requires_grad_())


@pytest.mark.usefixtures("alone")
def test_half_precision_is_summed_in_full() -> None:
    layer, batch = SharedBatchNorm(2), images(64, 2, 8, 8) + 20
    out = layer(batch.bfloat16())
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), SharedBatchNorm(2)(batch.bfloat16().float()), rtol=0.02, atol=0.02)


@pytest.mark.usefixtures("alone")
def test_what_was_learned_stays_when_the_layers_go() -> None:
    plugin, model = SharedBatchNorms(), network()
    names, weight = list(model.state_dict()), model[2].weight
    plugin.apply(model)
    assert list(model.state_dict()) == names and model[2].weight is weight
    model(images(6, 2, 4, 4))
    learned = {name: value.clone() for name, value in model.state_dict().items()}
    plugin.revert(model)
    assert not any(isinstance(layer, SharedBatchNorm) for layer in model.modules())
    torch.testing.assert_close(dict(model.state_dict()), learned, rtol=0, atol=0)
    assert model[2].num_batches_tracked == 1


def test_without_other_ranks_it_is_torchs() -> None:
    ours, theirs, batch = SharedBatchNorm(2), nn.BatchNorm2d(2), images(4, 2, 3, 3)
    assert torch.equal(ours(batch), theirs(batch))


def test_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \[B, 2"):
        SharedBatchNorm(2)(images(4, 3, 2, 2))


@pytest.mark.usefixtures("alone")
def test_a_single_value_per_channel_is_refused_as_torch_does() -> None:
    for layer in (SharedBatchNorm(2), nn.BatchNorm2d(2)):
        with pytest.raises(ValueError, match="value per channel"):
            layer(images(1, 2, 1, 1))
