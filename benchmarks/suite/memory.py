"""The most memory that some work holds at one time, beyond what was held before it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")


class Peak:
    """Begins at its making; :meth:`again` forgets the peak so far (not the beginning), :meth:`taken` reads it.

    On the processor it is the high-water mark of the resident set without the pages of files (libraries count for
    nobody), on a CUDA device what torch's allocator had given out at most. Meant for a process that does one thing.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        if device == "cuda":
            torch.cuda.empty_cache()
            self._before = torch.cuda.memory_allocated()
        else:
            self._before = _status("RssAnon") if _STATUS.exists() else _high_water()
        self.again()

    def again(self) -> None:
        """Forget the peak so far, where the system can."""
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        elif _STATUS.exists():
            try:
                Path("/proc/self/clear_refs").write_text("5")
            except OSError:  # not allowed in some containers: the mark is then that of the whole process
                return

    def taken(self) -> int | None:
        """Bytes at the peak beyond the beginning; None on devices that do not tell."""
        if self.device == "cuda":
            return torch.cuda.max_memory_allocated() - self._before
        if self.device != "cpu":
            return None
        most = _status("VmHWM") - _status("RssFile") if _STATUS.exists() else _high_water()
        return most - self._before


def _status(field: str) -> int:
    """A field of Linux's account of this process, in bytes."""
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def _high_water() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
