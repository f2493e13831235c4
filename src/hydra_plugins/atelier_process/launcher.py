"""``hydra/launcher=process``: every job of a sweep is a fresh process that runs as if it were alone."""

from __future__ import annotations

import copy
import logging
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

if TYPE_CHECKING:
    from hydra_plugins.atelier_process._job import Job

log = logging.getLogger(__name__)

_SWEEPS_OWN = ("hydra.mode", "hydra.sweep", "hydra.launcher", "hydra/launcher", "hydra/sweeper", "hydra.run.dir")


class ProcessLauncher(Launcher):
    """Starts ``jobs`` processes at once; a job that fails is recorded, and the others go on.

    A job runs in Hydra's RUN mode with the folder that ``hydra.sweep`` names, so it may use several devices: the
    processes that Lightning adds repeat the job's own command and not the sweep's. When the sweep ends before its time,
    by Ctrl-C, SIGTERM or a crash, its jobs save and leave too.

    jobs: how many run at the same time. They share the cores, and the CUDA devices if there are several.
    """

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's facts; the task itself is started by its command."""
        self.hydra_context, self.config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run all jobs; the returns are in their order."""
        returns = [JobReturn(overrides=list(words)) for words in job_overrides]
        self.fulfil(returns, initial_job_idx)
        return returns

    def fulfil(self, returns: list[JobReturn], first: int) -> None:
        """Run a job for the overrides of each of ``returns``, and put in its place what came of it.

        When the sweep ends before its time, the status of a job that was stopped is unknown, and one that was not begun
        has no folder.

        first: the number of the first job.
        """
        from hydra_plugins.atelier_process._tending import tend

        waiting = deque(range(len(returns)))

        def begin(place: int) -> Job | None:
            if not waiting:
                return None
            index = waiting.popleft()
            words = returns[index].overrides or []
            job, returns[index] = self.begin(words, first + index, place=place, places=self.jobs)
            return job

        tend(self.jobs, begin, lambda job: self.finish(job, returns[job.number - first]))

    def begin(
        self,
        words: Sequence[str],
        number: int,
        *,
        place: int = 0,
        places: int = 1,
        asks: bool = False,
        former: Path | None = None,
    ) -> tuple[Job, JobReturn]:
        """Start job ``number``; the return has its folder and configuration, and waits for :meth:`finish`.

        place, places: which of how many jobs that share the machine. asks: whether it reports its validations.
        former: the folder of an attempt that was cut off and has a checkpoint, with which to go on.
        """
        from atelier.callback.words import near
        from atelier.config.override import quoted
        from hydra_plugins.atelier_process._environment import clean, cuda_devices, share
        from hydra_plugins.atelier_process._job import Job, unused

        assert self.config is not None
        promise, folder = self._promise(words, number)
        task = list(filter_overrides(words))
        folder = former or unused(folder)
        promise.working_dir = str(folder)
        assert promise.hydra_cfg is not None
        promise.hydra_cfg.hydra.runtime.output_dir = str(folder)
        argv = [quoted(f"resume={former}")] if former else [*task, quoted(f"hydra.run.dir={folder}")]
        around = clean(os.environ)
        around |= share(place, places, cuda_devices(os.environ), around)
        log.info("#%d: %s → %s", number, " ".join(task), near(folder))
        verb = str(self.config.hydra.job.config_name)
        return Job(number, [*argv, *_kept(self.config)], folder, verb, around, asks=asks), promise

    def finish(self, job: Job, promise: JobReturn) -> None:
        """Fill in the return of a job that has ended; of one that was stopped before its end nothing is known."""
        record = job.close()
        if record["status"] in ("done", "pruned"):
            promise.status, promise.return_value = JobStatus.COMPLETED, record["value"]
        elif record["status"] == "failed":
            last = record["last_lines"][-1] if record["last_lines"] else "it said nothing"
            promise.status = JobStatus.FAILED
            promise.return_value = RuntimeError(f"status {record['exit_status']}: {last}")
            log.error("#%d failed with status %s; its command was", job.number, record["exit_status"])
            log.error("    %s", record["command"])

    def _promise(self, words: Sequence[str], number: int) -> tuple[JobReturn, Path]:
        """The job's configuration, and the folder that ``hydra.sweep`` gives it."""
        assert self.config is not None
        assert self.hydra_context is not None
        setup_globals()
        cfg = self.hydra_context.config_loader.load_sweep_config(self.config, list(words))
        with open_dict(cfg):
            cfg.hydra.job.id = cfg.hydra.job.num = number
        before = HydraConfig.instance().cfg
        HydraConfig.instance().set_config(cfg)  # folders may be named by ${hydra:...}
        try:
            folder = (Path(str(cfg.hydra.sweep.dir)) / str(cfg.hydra.sweep.subdir)).absolute()
        finally:
            HydraConfig.instance().cfg = before
        task = copy.deepcopy(cfg)
        OmegaConf.set_readonly(cfg.hydra, False)
        with open_dict(task):
            del task["hydra"]
        return JobReturn(overrides=list(words), cfg=task, hydra_cfg=cfg, working_dir=str(folder)), folder


def _kept(config: DictConfig) -> list[str]:
    """Hydra's own words and flags that hold for each job too."""
    words = [word for word in config.hydra.overrides.hydra if not word.lstrip("+~").startswith(_SWEEPS_OWN)]
    for source in config.hydra.runtime.config_sources:
        if source.provider == "command-line":
            words += ["--config-dir", source.path]
    return words
