"""What the processes of a run know and do together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function

if TYPE_CHECKING:  # regularizers read this module, and none of them needs Lightning
    from pytorch_lightning import Trainer


@contextmanager
def one_after_another(trainer: Trainer) -> Iterator[None]:
    """The first rank of each machine goes ahead, and fills the cache that the others read."""
    if trainer.local_rank:
        trainer.strategy.barrier("go ahead")
    yield
    if not trainer.local_rank:
        trainer.strategy.barrier("go ahead")


def sum_over_ranks(tensor: Tensor) -> Tensor:
    """The sum of every rank's ``tensor``, to be differentiated as often as wanted.

    On the way back it is the sum of what all ranks ask of it. Where every rank adds the same loss and DDP averages
    gradients, that gives the whole batch's gradient once.
    """
    summed: Tensor = _SumOverRanks.apply(tensor)
    return summed


class _SumOverRanks(Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        summed = tensor.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return sum_over_ranks(gradients[0])
