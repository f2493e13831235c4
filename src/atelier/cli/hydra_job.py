"""A verb's work as a job of Hydra's, which makes the run's folder and logs."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from atelier.callback.sweep_parent import deliver
from atelier.cli.verb_task import task_of
from atelier.config.compose import fill_in
from atelier.config.environment import register_resolvers
from atelier.config.words import conf_dir
from atelier.types import Diverged, Mistake, Vanished

log = logging.getLogger(__name__)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
"""What a disk says that takes nothing more."""

_CLOSED = {errno.EACCES, errno.EPERM, errno.EIO}
"""What it says where somebody may not, or nobody can."""


def start(verb: str, words: Sequence[str], stored: DictConfig | None = None) -> int:
    """Let Hydra make the run's folder and logs, and do the job.

    stored: the configuration to use in the place of what the words compose.
    """
    outcome: dict[str, Any] = {}

    def job(cfg: DictConfig) -> Any:
        register_resolvers()  # a launcher may have brought the job to a process of its own
        started = HydraConfig.get().runtime
        if stored is None:
            fill_in(cfg, started.choices, run_dir=started.output_dir, started_in=started.cwd)
        else:
            cfg = stored
        try:
            value = _worked(verb, cfg)
            deliver(value)
            return value
        except (Mistake, Diverged, Vanished) as ending:
            if HydraConfig.get().mode == RunMode.MULTIRUN:  # the job fails and the sweep goes on
                log.error("this job failed: %s", ending)
                raise CompactHydraException(str(ending)) from ending  # Hydra tells this kind without a traceback
            outcome["ending"] = ending
            return None

    job.__module__ = __name__
    main: Callable[[], Any] = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=verb)(job)
    typed, sys.argv = sys.argv, [sys.argv[0], *words]
    before = list(logging.root.handlers)
    try:
        main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    finally:
        sys.argv = typed
        _close_logs(before)
    if "ending" in outcome:
        raise outcome["ending"]
    return 0


def _close_logs(before: Collection[logging.Handler]) -> None:
    """Close the files that Hydra had the job log to: a notebook goes on after it."""
    for handler in list(logging.root.handlers):
        if isinstance(handler, logging.FileHandler) and handler not in before:
            logging.root.removeHandler(handler)
            with suppress(OSError):  # on a full disk a log loses its lines
                handler.close()


def _worked(verb: str, cfg: DictConfig) -> Any:
    """Do the verb's work; a disk that is full on the way, or closed, is the user's to put right."""
    try:
        return task_of(verb).run(cfg)
    except OSError as error:
        if error.errno not in _FULL | _CLOSED:
            raise
        what = "written to" if error.errno in _FULL else "read or written"
        raise Mistake(f"{error.filename or cfg.run_dir}: cannot be {what} ({error.strerror})") from error
