"""Every mistake in a verb's words, and in the parts that they choose, before any work begins."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from omegaconf import DictConfig

from atelier.cli.experiment_options import explained
from atelier.cli.mistakes import refuse
from atelier.cli.output_folder import ensure_writable
from atelier.cli.overlooked import overlooked
from atelier.cli.plan import one_job, sweep
from atelier.cli.request import composed, extra_of
from atelier.cli.verb_task import task_of
from atelier.config.resume import taken
from atelier.config.sweep import as_typed


def checked(verb: str, arguments: Namespace, overrides: Sequence[str]) -> list[DictConfig]:
    """The configurations of all jobs, looked at before the first begins.

    Raises:
        Mistakes: whatever is wrong with any of them.
    """
    extra = extra_of(arguments)
    plan = (sweep if arguments.multirun else one_job)(verb, overrides, extra)
    configs = [composed(verb, job, extra) for job in plan.jobs]
    told = plan.told + [as_typed(text, plan.words) for _, mistakes in configs for text in mistakes]
    shown = arguments.cfg or arguments.info
    refuse(told, list if shown else partial(_further, verb, plan.looked_at, extra, told))
    configurations = [cfg for cfg, _ in configs if cfg is not None]
    refuse(plan.unfit(configurations))
    if shown:
        return configurations
    task = task_of(verb)
    refuse(explained(text, plan.words, extra) for cfg in configurations for text in task.preflight(cfg))
    if verb == "train":
        refuse(taken(plan.words))
    refuse(plan.unopened())
    ensure_writable(plan.folder, plan.words)
    return configurations


def _further(verb: str, jobs: Sequence[Sequence[str]], extra: Path | None, told: Sequence[str]) -> list[str]:
    """What else is wrong than what is ``told``: only the verb's parts know."""

    def wrong_values(cfg: DictConfig) -> list[str]:
        found: list[str] = task_of(verb).wrong_values(cfg)
        return found

    return list(dict.fromkeys(text for job in jobs for text in overlooked(verb, job, extra, told, wrong_values)))
