"""Who works on a trial, and whether they are still alive."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BEAT_SECONDS = 15.0
"""How often a worker says of its trials that they are being worked on."""

GRACE_SECONDS = 180.0
"""After this silence a worker on another machine counts as dead. Clocks of machines may differ by a minute or two."""


def myself() -> dict[str, Any]:
    """What identifies this process among all workers: its number, where that number means something, and its start."""
    return {"pid": os.getpid(), "place": _place(), "started": _started(os.getpid()), "host": platform.node()}


def dead(worker: Mapping[str, Any], beat: float, now: float | None = None) -> bool:
    """Whether a trial's worker is gone.

    On this machine the system knows, at once and for certain; of others only their last sign of life tells.

    worker: what :func:`myself` gave it. beat: seconds since the epoch at its last sign of life.
    """
    if worker.get("place") and worker["place"] == _place():
        return _started(int(worker["pid"])) != str(worker["started"])
    return (time.time() if now is None else now) - beat > GRACE_SECONDS


def _place() -> str | None:
    """One boot of one kernel and its space of process numbers (containers have their own); None if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _started(pid: int) -> str | None:
    """When process ``pid`` began, in ticks since the boot: numbers are used again. None if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]  # a zombie is gone
