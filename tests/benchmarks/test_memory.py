from __future__ import annotations

import sys

import pytest
import torch

from suite.memory import Peak


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the mark is that of the whole process")
def test_the_peak_is_what_was_held_at_one_time() -> None:
    peak = Peak("cpu")
    for _ in range(3):
        torch.ones(64 * 2**20, dtype=torch.uint8)  # gone at once: three times 64 MiB are not 192
    taken = peak.taken()
    assert taken is not None
    assert 60 * 2**20 < taken < 120 * 2**20
