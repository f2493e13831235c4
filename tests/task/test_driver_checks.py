from __future__ import annotations

import ctypes

import pytest
import torch

from atelier.task.driver_checks import spare_driver_checks


@pytest.mark.skipif(not torch.backends.cuda.is_built() or torch.cuda.is_available(), reason="nothing to look for")
def test_an_optimizer_looks_for_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # as importing Lightning leaves it
    looked: list[object] = []
    load = ctypes.CDLL

    def watched(name: str | None, *args: object, **named: object) -> ctypes.CDLL:
        looked.append(name)
        return load(name, *args, **named)

    monkeypatch.setattr(ctypes, "CDLL", watched)
    weight = torch.nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)
    torch.optim.Adam([weight]).step()
    assert looked
    spare_driver_checks()
    looked.clear()
    torch.optim.Adam([weight]).step()
    assert weight.item() < 1
    assert not looked
