from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from atelier.task.freed_memory import _OWN_CHOICE

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="an allocator of another kind")

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


def _pages(way: str, **chosen: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in _OWN_CHOICE}
    command = [sys.executable, "-c", PAGES, way]
    return int(subprocess.check_output(command, env=environment | chosen, text=True))


def test_memory_that_was_freed_is_there_for_the_next_request() -> None:
    assert _pages("kept") < _pages("as it comes") / 10


def test_whoever_has_set_up_the_allocator_keeps_what_he_chose() -> None:
    chosen = {"MALLOC_MMAP_THRESHOLD_": "131072"}
    assert _pages("kept", **chosen) == pytest.approx(_pages("as it comes", **chosen), rel=0.1, abs=50)
