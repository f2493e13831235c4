"""``hydra/sweeper=grid``, the default: every combination of the listed values, however many of them fail."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class GridSweeper(Sweeper):
    """Hands all jobs to the launcher and tells what came of them; the process ends with status 1 if any failed.

    params: option → values in Hydra's notation, for sweeps that are written down; the command line beats them.
    """

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = dict(params or {})
        self.launcher: Launcher | None = None
        self.config: DictConfig | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Have the launcher."""
        from atelier.cli.outcome import answered
        from hydra_plugins.atelier_process._environment import importable

        importable()
        self.config = config
        with answered():
            self.launcher = Plugins.instance().instantiate_launcher(
                hydra_context=hydra_context, task_function=task_function, config=config
            )

    def sweep(self, arguments: list[str]) -> Sequence[JobReturn]:
        """Run every job that ``arguments`` and the parameters make."""
        from atelier.config.sweep import expand, joined

        assert self.config is not None
        jobs = expand(joined(self.params, arguments))
        folder = Path(str(self.config.hydra.sweep.dir)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        returned = self._launched(jobs, folder)
        if any(one.status != JobStatus.COMPLETED for one in returned):
            sys.exit(1)
        return returned

    def _launched(self, jobs: Sequence[Sequence[str]], folder: Path) -> Sequence[JobReturn]:
        """Run the jobs and tell what came of them; of our own launcher's also when they are cut off."""
        from hydra_plugins.atelier_process.launcher import ProcessLauncher

        assert self.launcher is not None
        if not isinstance(self.launcher, ProcessLauncher):  # others do not say which of their jobs began
            returned = self.launcher.launch(jobs, initial_job_idx=0)
            _tell(returned, folder)
            return returned
        own = [JobReturn(overrides=list(words)) for words in jobs]
        try:
            self.launcher.fulfil(own, 0)
        finally:
            _tell(own, folder)
        return own


def _tell(returned: Sequence[JobReturn], folder: Path) -> None:
    from atelier.cli.outcome import outcome, tell

    tell([outcome(number, one) for number, one in enumerate(returned)], folder)
