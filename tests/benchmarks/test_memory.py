from __future__ import annotations

import mmap
import sys

import pytest

from suite.memory import Peak


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the mark is that of the whole process")
def test_the_peak_is_what_was_held_at_one_time() -> None:
    peak = Peak("cpu")
    for _ in range(3):
        # Pages of the system's own: an allocator may give out what an earlier test has freed.
        with mmap.mmap(-1, 64 * 2**20) as held:  # gone at once: three times 64 MiB are not 192
            held[:: mmap.PAGESIZE] = bytes(range(256)) * (len(held) // mmap.PAGESIZE // 256)
    taken = peak.taken()
    assert taken is not None
    assert 60 * 2**20 < taken < 120 * 2**20
