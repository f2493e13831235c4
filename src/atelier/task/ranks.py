"""The processes that Lightning starts for one run: the first leads, the others follow without a word.

Lightning starts the command again for every further device. Such a process takes the first one's configuration, and
neither checks nor composes, makes a folder or writes a log.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, Any
from unittest import mock

from omegaconf import DictConfig, OmegaConf

from atelier.leader import LEADER
from atelier.types import Mistake

if TYPE_CHECKING:  # the command line reads this module before it can afford to load torch
    from pytorch_lightning import Trainer

_CONFIG = "ATELIER_CONFIG"
_WARNINGS = "TORCH_CPP_LOG_LEVEL"  # of torch's own code: read as it is imported, so by nobody who lives already
_MARKS = (LEADER, _CONFIG, _WARNINGS, "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What we and Lightning leave in the environment; a second run in this process would take itself for a follower."""

_COMMANDS = {"train", "atelier"}
_PATIENCE = 60.0  # seconds in which the leader may notice that a follower is gone, and write its report
_GRACE = 10.0  # seconds in which the leader may say of a common failure what there is to say


@contextmanager
def leading(cfg: DictConfig, trainer: Trainer) -> Iterator[None]:
    """What Lightning starts in this block follows this process, with its configuration.

    Raises:
        Mistake: if Lightning could not start this command again.
    """
    from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher  # the command line waits for no torch

    launcher = trainer.strategy.launcher
    if not isinstance(launcher, _SubprocessScriptLauncher) or launcher.cluster_environment.creates_processes_externally:
        yield  # one device, or somebody else has started all processes
        return
    script = Path(sys.argv[0])
    if (script.parent.name if script.stem == "__main__" else script.stem) not in _COMMANDS:
        raise Mistake(
            f"trainer.devices={cfg.trainer.devices}: several devices are for the command line (python src/train.py), "
            "which is started once more for each of them"
        )
    before = {name: os.environ.get(name) for name in _MARKS}
    patient = mock.patch(f"{type(launcher).__module__}._launch_process_observer", _watch_over)
    os.environ |= {LEADER: str(os.getpid()), _CONFIG: OmegaConf.to_yaml(cfg, resolve=True)}
    os.environ.setdefault(_WARNINGS, "ERROR")  # a follower that loses its leader would print where in torch it was
    try:
        with patient:
            yield
        _see_off(launcher.procs)
    except SystemExit:  # agreed on by all
        _see_off(launcher.procs)
        raise
    except RuntimeError as error:
        if lost := _lost(launcher.procs):
            raise Lost(lost) from error
        raise
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _watch_over(followers: list[Any]) -> None:
    """In the place of Lightning's observer, which kills the leader at once when a follower has died.

    It is to notice by itself, write down how the run ended and say so; only one that waits for ever has to be killed.
    """
    from lightning_fabric.strategies.launchers.subprocess_script import _ChildProcessObserver  # loads torch

    class Patient(_ChildProcessObserver):
        def _terminate_all(self) -> None:
            time.sleep(_PATIENCE)
            super()._terminate_all()

    Patient(main_pid=os.getpid(), child_processes=followers).start()


def _see_off(followers: list[Any]) -> None:
    """Wait for those that have done the same work to be gone."""
    for follower in followers:
        with suppress(TimeoutExpired):
            follower.wait(_GRACE)


class Lost(RuntimeError):
    """A process of the run has died, and those that wait for it have noticed."""


def _lost(followers: list[Any]) -> str:
    """Which of ``followers`` has left by itself, in words; "" if none has."""
    latest = time.monotonic() + 1.0  # a broken connection may be noticed before the end of who held it
    for number, follower in enumerate(followers, start=1):
        with suppress(TimeoutExpired):
            if status := follower.wait(max(0.0, latest - time.monotonic())):
                killed = f"was ended by {signal.Signals(-status).name}, most often for want of memory"
                how = killed if status < 0 else f"left with status {status}"
                return (
                    f"process {number + 1} of the {len(followers) + 1} that train together {how}; the others cannot go "
                    "on without it"
                )
    return ""


def order() -> DictConfig | None:
    """The configuration that this process was started to follow, or None for one that stands alone.

    Leaves where the leader is gone already: nobody would speak or write for this process.
    """
    if LEADER not in os.environ:
        return None
    if os.environ[LEADER] != str(os.getppid()):
        sys.exit(0)
    cfg = OmegaConf.create(os.environ[_CONFIG])
    assert isinstance(cfg, DictConfig)
    return cfg


def follow(work: Callable[[DictConfig], object], cfg: DictConfig) -> int:
    """Do ``work`` beside its leader and return the exit status; leave at once when the leader is gone."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
    return in_silence(work, cfg)


def in_silence(work: Callable[[DictConfig], object], cfg: DictConfig) -> int:
    """Do ``work``, of which the first process tells; a failure is told only if it is not the first one's as well."""
    # Ctrl-C reaches every process of a terminal: the first one decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.WARNING)
    _second()
    warnings.simplefilter("ignore")
    try:
        work(cfg)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except Mistake as mistake:
        time.sleep(_GRACE)
        print(f"atelier: {mistake}", file=sys.stderr)  # noqa: T201  # standard error is where mistakes are told
        return 2
    except BaseException:
        time.sleep(_GRACE)
        traceback.print_exc()
        return 1
    return 0


def _second() -> None:
    """Not the first, also where Lightning does not yet know of other machines: nothing is written."""
    from pytorch_lightning.utilities import rank_zero_only  # the command line waits for no torch

    rank_zero_only.rank = rank_zero_only.rank or 1  # type: ignore[attr-defined]  # Lightning hangs it on the function


def _watch(leader: int) -> None:
    while os.getppid() == leader:
        time.sleep(0.3)
    os._exit(0)  # it may be waiting for the leader where no exception reaches
