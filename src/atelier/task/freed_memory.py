"""What becomes of memory that a step has let go of, on the processor."""

from __future__ import annotations

import ctypes
import os
import sys

# mallopt(3), malloc.h of the GNU C library.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_OWN_CHOICE = {"MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"}


def keep_freed_memory() -> None:
    """Let the C library keep what is freed for the next request, until the process ends.

    It would give large pieces back to the system at once and ask for them again in the same step; the system hands
    out zeros, page by page, which took a fifth of a DCGAN's step at 64 px. Nothing happens where the user has set up
    the library's allocator by its environment variables, or where the library is another than GNU's.
    """
    if not sys.platform.startswith("linux") or not _OWN_CHOICE.isdisjoint(os.environ):
        return
    set_up = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_up is not None:
        set_up(_MMAP_MAX, 0)  # large pieces come from the heap, too
        set_up(_TRIM_THRESHOLD, -1)  # of which nothing goes back
