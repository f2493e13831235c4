from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Pages that the system had to hand out for the same 64 MiB, asked for and let go of again and again.
PAGES = """
import resource, sys
from atelier.task.freed_memory import keep_freed_memory

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "kept":
    keep_freed_memory()
bytearray(64 << 20)
before = pages()
for _ in range(10):
    bytearray(64 << 20)
print(pages() - before)
"""


def _pages(way: str, **environment: str) -> int:
    told = subprocess.run(
        [sys.executable, "-c", PAGES, way],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(told.stdout)


@pytest.mark.skipif(
    not hasattr(os, "confstr") or "glibc" not in str(os.confstr("CS_GNU_LIBC_VERSION")), reason="glibc's"
)
def test_memory_that_was_freed_is_there_for_the_next_request() -> None:
    assert _pages("kept") < _pages("as it comes") / 10


def test_whoever_has_set_up_the_allocator_keeps_what_he_chose() -> None:
    chosen = {"MALLOC_MMAP_THRESHOLD_": "131072"}
    assert _pages("kept", **chosen) == pytest.approx(_pages("as it comes", **chosen), rel=0.1, abs=50)
