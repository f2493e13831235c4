"""What a job's process finds around it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_RANKS = (
    "LOCAL_RANK",
    "GLOBAL_RANK",
    "NODE_RANK",
    "GROUP_RANK",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "PL_GLOBAL_SEED",
    "PL_SEED_WORKERS",
    "ATELIER_LEADER",
    "ATELIER_CONFIG",
)
"""Left behind by a run of several processes: a job that found them would take itself for one of its ranks."""

SOURCE = Path(__file__).parents[2]
"""The folder from which ``atelier`` and ``hydra_plugins`` are imported."""


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` without traces of other runs, and with our packages importable."""
    kept = {name: value for name, value in environment.items() if name not in _RANKS}
    paths = kept.get("PYTHONPATH", "").split(os.pathsep) if kept.get("PYTHONPATH") else []
    if str(SOURCE) not in paths:
        kept["PYTHONPATH"] = os.pathsep.join([str(SOURCE), *paths])
    kept["PYTHONUNBUFFERED"] = "1"
    return kept


def importable() -> None:
    """Let processes that others start from this one find our packages: a script's folder is on its own path alone."""
    os.environ["PYTHONPATH"] = clean(os.environ)["PYTHONPATH"]


def share(place: int, places: int, devices: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """What a job sees of the machine if ``places`` jobs share it and it has place number ``place`` (from 0).

    devices: the machine's CUDA devices. Each job gets as many of them as there are for everyone, and its part of the
    cores unless the user has said how many threads to use.
    """
    if places == 1:
        return {}
    part: dict[str, str] = {}
    if devices:
        each = max(1, len(devices) // places)
        first = place * each % len(devices)
        part["CUDA_VISIBLE_DEVICES"] = ",".join(devices[first : first + each])
    if "OMP_NUM_THREADS" not in environment:
        part["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // places))
    return part


def cuda_devices(environment: Mapping[str, str]) -> list[str]:
    """The CUDA devices that this process may use, by the names that CUDA_VISIBLE_DEVICES takes."""
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name]
    torch = sys.modules.get("torch")  # loaded by the checks before a sweep; not worth seconds of its own
    return [str(number) for number in range(torch.cuda.device_count())] if torch is not None else []
