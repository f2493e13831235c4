"""Runs that end before their time, each in a process of its own, and what is compared afterwards.

Importable by the server from which the processes are forked: that one loads torch once for all of them.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

import atelier.task.train  # noqa: F401  # heavy, and all that a run needs
from atelier.cli import run

SRC = Path(__file__).parents[2] / "src"

_SPEEDS = {"images_per_second"}
_TIMES = {"train_seconds", "validation_seconds"}


class Death(NamedTuple):
    """When a process receives which signal.

    step: before the batch of that number is trained. end: after it, before anybody hears that it is over.
    stop: nobody is killed, but the run ends after it, as by ``trainer.max_time``. validation: at the validation step of
    that number. write: half-way through the checkpoint of that number.
    times: how often, one after the other.
    """

    at: Literal["step", "end", "validation", "write", "stop"]
    number: int
    by: signal.Signals = signal.SIGKILL
    times: int = 1


def train(
    words: Sequence[str],
    place: Path,
    log: Path,
    death: Death | None = None,
    around: Mapping[str, str] | None = None,
) -> None:
    """The body of a process: ``train`` with ``words`` in the folder ``place``; leaves with its status.

    around: what more there is in its environment.
    """
    os.chdir(place)
    os.environ.update(around or {})
    # Inherited from the server: workers of data would begin by importing torch.
    multiprocessing.set_start_method("fork", force=True)
    torch.set_num_threads(1)
    sys.argv = [str(SRC / "train.py")]
    sys.stdout = sys.stderr = log.open("a", buffering=1)
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stdout.fileno(), 2)
    if death is not None:
        _arrange(death)
    sys.exit(run("train", words))


def _arrange(death: Death) -> None:
    if death.at == "write":
        checkpoints = itertools.count(1)  # features are kept by the same function

        def torn(_: int, content: Any, file: Any) -> bool:
            ours = ".ckpt" in str(getattr(file, "name", file))
            return ours and next(checkpoints) == death.number and bool(file.write(b"PK half"))

        _before(torch, "save", death, torn)
        return
    from atelier.callback.checkpoints import Checkpoints
    from atelier.model.autoencoder import Autoencoder
    from atelier.model.cyclegan import CycleGAN
    from atelier.model.gan import GAN

    if death.at == "stop":

        def stopped(_: int, *given: Any) -> bool:
            given[1].should_stop = given[1].should_stop or given[4].step == death.number
            return False

        _before(Checkpoints, "on_train_batch_end", death, stopped)
        return
    if death.at == "end":
        _before(Checkpoints, "on_train_batch_end", death, lambda _, *given: given[4].step == death.number)
        return
    for family in (GAN, CycleGAN, Autoencoder):
        if death.at == "step":
            _before(family, "training_step", death, lambda _, *given: given[1].step == death.number)
        else:
            _before(family, "validation_step", death, lambda count, *_: count == death.number)


def _before(owner: Any, name: str, death: Death, now: Callable[..., bool]) -> None:
    """Let the signal come when ``now(calls so far, *arguments)`` says so, before ``owner.name`` does its work."""
    work, calls = getattr(owner, name), 0

    def doomed(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if now(calls, *given):
            for _ in range(death.times):
                os.kill(os.getpid(), death.by)
        return work(*given, **named)

    setattr(owner, name, doomed)


def kill_in_training(process: BaseProcess, folder: Path, checkpoints: int, seconds: float) -> None:
    """Kill ``process`` from outside, wherever it is, once it trains and has written so many checkpoints there.

    seconds: of the processor's time that it is given after that; how busy the machine is makes no difference.
    """
    _await(process, folder / "results.json")  # written anew as training begins
    for _ in range(checkpoints):
        _await(process, folder / "checkpoints" / "last.ckpt")
    begun = _spent(process)
    while process.is_alive() and _spent(process) - begun < seconds:
        process.join(0.002)
    process.kill()


def _await(process: BaseProcess, file: Path) -> None:
    """Until ``file`` is another, or the process is gone."""

    def version() -> tuple[int, int] | None:
        try:
            seen = file.stat()
        except FileNotFoundError:
            return None
        return seen.st_ino, seen.st_mtime_ns

    before = version()
    while process.is_alive() and version() == before:
        process.join(0.002)


def _spent(process: BaseProcess) -> float:
    """Seconds of the processor's time; 0 for a process that is gone."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def digest(folder: Path, *parts: str) -> str:
    """SHA-256 over all that decides a run's future in its last checkpoint; times and the folder's name are left out.

    parts: those of the checkpoint that count, if not all.
    """
    content = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    del content["atelier"]
    content = {part: content[part] for part in parts or content}
    found = hashlib.sha256()
    for piece in _pieces(content):
        found.update(piece)
    return found.hexdigest()


def _pieces(value: Any, path: str = "") -> Iterator[bytes]:
    if isinstance(value, dict):
        for name in sorted(value, key=str):
            if name not in _TIMES:
                yield from _pieces(value[name], f"{path}/{name}")
    elif isinstance(value, list | tuple):
        for number, child in enumerate(value):
            yield from _pieces(child, f"{path}/{number}")
    elif isinstance(value, torch.Tensor):
        yield f"{path} {value.dtype} {list(value.shape)}".encode()
        yield value.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""
    else:
        yield f"{path} {value!r}".encode()


def rows(folder: Path) -> list[dict[str, str]]:
    """metrics.csv without speeds."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        return [{name: value for name, value in row.items() if name not in _SPEEDS} for row in csv.DictReader(stream)]


def pictures(folder: Path) -> dict[str, bytes]:
    """The samples by name."""
    return {path.name: path.read_bytes() for path in sorted((folder / "samples").glob("*.png"))}
