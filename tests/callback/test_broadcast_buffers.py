"""Running statistics are the first process's when a validation begins (two processes: tests/task/test_resume.py)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch.distributed as dist
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from atelier.callback.broadcast_buffers import BroadcastBuffers


class Model(LightningModule):
    """A layer with statistics, one without, and a buffer of another kind."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False))
        self.own: Tensor
        self.register_buffer("own", Tensor([3.0]))


@pytest.mark.parametrize("world", [1, 2])
def test_statistics_alone_are_handed_out(world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broadcast(tensor: Tensor, src: int) -> None:
        tensor.fill_(7 + src)

    monkeypatch.setattr(dist, "broadcast", broadcast)
    model, trainer = Model(), SimpleNamespace(world_size=world)
    before: dict[str, Any] = {name: value.tolist() for name, value in model.state_dict().items()}
    BroadcastBuffers().on_validation_start(trainer, model)  # type: ignore[arg-type]  # all that it asks of a trainer
    after = {name: value.tolist() for name, value in model.state_dict().items()}
    changed = {name for name in before if before[name] != after[name]}
    statistics = {"running_mean", "running_var", "num_batches_tracked"}
    assert changed == ({f"layers.0.{name}" for name in statistics} if world == 2 else set())
