"""``hydra/sweeper=optuna``: trials drawn by Optuna, ask-and-tell, on a storage that outlives crashes and is shared."""

from __future__ import annotations

import functools
import inspect
import logging
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

if TYPE_CHECKING:
    from hydra_plugins.atelier_optuna._crew import Crew
    from hydra_plugins.atelier_optuna._space import Space
    from hydra_plugins.atelier_optuna._study import SharedStudy

log = logging.getLogger(__name__)


class OptunaSweeper(Sweeper):
    """Searches with as many workers as are started: the same command, here or elsewhere, works on the same study.

    sampler: makes Optuna's sampler when it is given ``seed`` (and ``search_space``, if it takes one). pruner: Optuna's.
    n_trials: in all, over all workers and restarts. n_jobs: how many of them this worker trains at once.
    direction: None asks the runs' first score. seed: decides every draw. storage: a URL; None keeps trials in memory.
    study_name: None takes the word after ``search=``. params: option → values in Hydra's notation.
    """

    def __init__(
        self,
        *,
        sampler: Callable[..., Any],
        pruner: Any,
        n_trials: int,
        n_jobs: int = 1,
        direction: Literal["minimize", "maximize"] | None = None,
        seed: int = 0,
        storage: str | None = None,
        study_name: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self.sampler, self.pruner, self.n_trials, self.n_jobs = sampler, pruner, n_trials, n_jobs
        self.direction, self.seed, self.storage, self.study_name = direction, seed, storage, study_name
        self.params = dict(params or {})
        self.config: DictConfig | None = None
        self.context: HydraContext | None = None
        self.launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Have the launcher."""
        from atelier.cli.outcome import answered
        from hydra_plugins.atelier_process._environment import importable

        importable()
        self.config, self.context = config, hydra_context
        with answered():
            self.launcher = Plugins.instance().instantiate_launcher(
                hydra_context=hydra_context, task_function=task_function, config=config
            )

    def sweep(self, arguments: list[str]) -> float | None:
        """Search, tell what came of it, also where it is cut off, and return the best value.

        Status 1 if no trial of the study has one.
        """
        from atelier.cli.outcome import answered, telling
        from atelier.config.sweep import joined
        from hydra_plugins.atelier_optuna._report import ended, report, say_how_to_go_on
        from hydra_plugins.atelier_optuna._space import parsed

        assert self.config is not None
        folder = Path(str(self.config.hydra.sweep.dir)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        words = joined(self.params, arguments)
        with answered():
            study = self._study(parsed(words), words)
            try:
                with telling(folder) as outcomes, study.alive():
                    outcomes.extend(ended(study))
                    self._crew(study, folder).work(outcomes)
            except (KeyboardInterrupt, SystemExit):
                report(study, folder)
                say_how_to_go_on(study)
                raise
        best = report(study, folder)
        if best is None:
            sys.exit(1)
        return best

    def _study(self, space: Space, words: Sequence[str]) -> SharedStudy:
        from atelier.types import Mistake
        from hydra_plugins.atelier_optuna._space import n_combinations
        from hydra_plugins.atelier_optuna._study import SharedStudy

        assert self.config is not None
        if not space.distributions:
            raise Mistake("hydra/sweeper=optuna: nothing to search for; give an option as a,b or interval(low, high)")
        choice = self.config.hydra.runtime.choices.get("search")
        size = n_combinations(space) if self._is_grid() else math.inf
        return SharedStudy(
            space,
            name=self.study_name or str(choice),
            storage=self.storage,
            direction=self.direction or self._direction(words),
            sampler=functools.partial(self._sampled, space),
            pruner=self.pruner,
            seed=self.seed,
            n_trials=int(min(self.n_trials, size)),
        )

    def _crew(self, study: SharedStudy, folder: Path) -> Crew:
        from hydra_plugins.atelier_optuna._crew import Batches, Processes
        from hydra_plugins.atelier_process.launcher import ProcessLauncher

        assert self.launcher is not None
        if isinstance(self.launcher, ProcessLauncher):
            return Processes(study, self.launcher, self.n_jobs, prunes=type(self.pruner).__name__ != "NopPruner")
        return Batches(study, self.launcher, folder, self.n_jobs)

    def _is_grid(self) -> bool:
        return "search_space" in inspect.signature(self.sampler).parameters

    def _sampled(self, space: Space, seed: int) -> Any:
        from hydra_plugins.atelier_optuna._space import grid

        if self._is_grid():
            # Its seed also numbers the combinations, which all trials must agree on.
            return self.sampler(search_space=grid(space), seed=self.seed)
        return self.sampler(seed=seed)

    def _direction(self, words: Sequence[str]) -> Literal["minimize", "maximize"]:
        """What the first score of the runs says; the first job's configuration is asked."""
        from atelier.cli.sweep_aim import aim
        from atelier.config.compose import fill_in
        from atelier.config.sweep import covering
        from atelier.types import Mistake

        assert self.config is not None
        assert self.context is not None
        cfg = self.context.config_loader.load_sweep_config(self.config, covering(words)[0])
        choices = dict(cfg.hydra.runtime.choices)
        with open_dict(cfg):
            del cfg["hydra"]
        fill_in(cfg, choices, run_dir="run", started_in=".")
        name, higher = aim(cfg)
        if higher is None:
            raise Mistake(f"hydra.sweeper.direction is missing: {name} does not say which way is better")
        log.info("searching for the %s %s", "highest" if higher else "lowest", name)
        return "maximize" if higher else "minimize"
