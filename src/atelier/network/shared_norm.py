"""BatchNorm whose batch is that of all ranks together."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from pytorch_lightning.plugins.layer_sync import TorchSyncBatchNorm
from torch import Tensor, nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm
from typing_extensions import override

from atelier.collective import sum_over_ranks


class SharedBatchNorm(_BatchNorm):
    """Normalises by mean and variance over the images of all ranks (Ioffe & Szegedy 2015, algorithm 1).

    torch's own SyncBatchNorm works on CUDA devices alone and cannot be differentiated twice, as R1 has to. This one is
    made of differentiable sums over ranks: on any device what one process computes from the whole batch.
    """

    @override
    def forward(self, input: Tensor) -> Tensor:
        """``[B, C, ...]`` normalised over all but the second dimension and over all ranks.

        Raises:
            ValueError: of torch's kind, for other channels or a single value per channel.
        """
        if not self.training or not dist.is_initialized():
            return super().forward(input)
        self._check_input_dim(input)
        # Sums of many numbers: half precision has too few digits, and float64 keeps its own.
        values = input if input.dtype == torch.float64 else input.float()
        if values.numel() == values.shape[1] and dist.get_world_size() == 1:
            raise ValueError(f"one value per channel has no variance to be normalised by: {list(input.shape)}")
        others = [dim for dim in range(values.dim()) if dim != 1]
        shape = [1, -1, *[1] * (values.dim() - 2)]
        count = values.new_tensor([values.numel() // values.shape[1]])
        totals = sum_over_ranks(torch.cat([values.sum(others), count]))
        mean, count = totals[:-1] / totals[-1], totals[-1]
        centred = values - mean.view(shape)
        variance = sum_over_ranks(centred.square().sum(others)) / count
        normal = centred * (variance + self.eps).rsqrt().view(shape)
        if self.weight is not None:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        if self.track_running_stats:
            self._remember(mean.detach(), (variance * (count / (count - 1))).detach())
        made: Tensor = normal.to(input.dtype)
        return made

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share: Any = self.momentum if self.momentum is not None else 1.0 / self.num_batches_tracked
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)

    @override
    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2 or input.shape[1] != self.num_features:
            raise ValueError(f"expected [B, {self.num_features}, ...], got {list(input.shape)}")


class SharedBatchNorms(TorchSyncBatchNorm):
    """Lightning's plugin behind ``trainer.sync_batchnorm=true``: every BatchNorm of a model becomes a shared one."""

    def __init__(self) -> None:
        self._replaced: list[tuple[nn.Module, str, nn.Module]] = []

    @override
    def apply(self, model: nn.Module) -> nn.Module:
        """Replace the layers; parameters, buffers and their names stay."""
        for parent in list(model.modules()):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, _BatchNorm) and not isinstance(layer, SyncBatchNorm | SharedBatchNorm):
                    self._replaced.append((parent, name, layer))
                    setattr(parent, name, _shared(layer))
        return model

    @override
    def revert(self, model: nn.Module) -> nn.Module:
        """Put the former layers back, with what was learned."""
        for parent, name, layer in self._replaced:
            _hand_over(parent.get_submodule(name), layer)
            setattr(parent, name, layer)
        self._replaced.clear()
        return model


def _shared(layer: _BatchNorm) -> SharedBatchNorm:
    with torch.device("meta"):
        made = SharedBatchNorm(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
    _hand_over(layer, made)
    return made


def _hand_over(giver: nn.Module, taker: nn.Module) -> None:
    for name, parameter in giver.named_parameters(recurse=False):
        setattr(taker, name, parameter)
    for name, buffer in giver.named_buffers(recurse=False):
        setattr(taker, name, buffer)
    taker.train(giver.training)
