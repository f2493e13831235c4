from __future__ import annotations

import torch
from torch import nn

from suite.ceiling import Ceiling, Recorder


def test_what_is_replayed_is_what_ran_forward_and_backward() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 2))
    first = Recorder()
    with first:
        network(torch.randn(2, 3, 8, 8)).sum().backward()
    names = sorted(str(func) for func, _ in first.calls.elements())
    assert names.count("aten.convolution.default") == names.count("aten.convolution_backward.default") == 2
    assert names.count("aten.addmm.default") == 1
    assert names.count("aten.mm.default") == 2  # the linear layer's input and its weight
    ceiling, second = Ceiling(first, settle=int), Recorder()
    with second:
        ceiling()
    assert second.calls == first.calls
