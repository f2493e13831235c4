"""Every mistake in a verb's words, and in the parts that they choose, before any work begins."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from omegaconf import DictConfig

from atelier.cli import garbage_collection
from atelier.cli.experiment_options import explained
from atelier.cli.mistakes import refuse
from atelier.cli.output_folder import ensure_writable
from atelier.cli.overlooked import overlooked, set_aside
from atelier.cli.request import composed, extra_of
from atelier.cli.search_storage import unopened
from atelier.cli.verb_task import task_of
from atelier.config.resume import taken
from atelier.config.sweep import (
    absent,
    as_typed,
    covering,
    left_open,
    machinery,
    patterns,
    planned,
    undrawn,
    unfit,
)
from atelier.config.words import conf_dir


def checked(verb: str, arguments: Namespace, overrides: Sequence[str]) -> list[DictConfig]:
    """The configurations of all jobs, looked at before the first begins.

    Raises:
        Mistakes: whatever is wrong with any of them.
    """
    extra = extra_of(arguments)
    searching = arguments.multirun or any(word.startswith("search=") for word in overrides)
    told = [*absent(overrides), *(patterns(overrides) if arguments.multirun else [])]
    overrides = set_aside(overrides, told)
    hydra = machinery(conf_dir(), verb, overrides, extra) if searching else None
    told += undrawn(hydra, overrides) if arguments.multirun else left_open(hydra, overrides)
    if arguments.multirun:
        garbage_collection.wake()  # hundreds of jobs leave gigabytes of configurations that refer to themselves
    jobs = planned(hydra, overrides) if arguments.multirun else [overrides]
    configs = [composed(verb, job, extra) for job in jobs]
    told += [as_typed(text, overrides) for _, mistakes in configs for text in mistakes]
    looked_at = covering(overrides) if arguments.multirun else [overrides]
    refuse(told, list if arguments.cfg or arguments.info else partial(_further, verb, looked_at, extra, told))
    configurations = [cfg for cfg, _ in configs if cfg is not None]
    if arguments.multirun:
        refuse(unfit(hydra, configurations))
    if arguments.cfg or arguments.info:
        return configurations
    task = task_of(verb)
    refuse(explained(text, overrides, extra) for cfg in configurations for text in task.preflight(cfg))
    if verb == "train":
        refuse(taken(overrides))
    if arguments.multirun:
        refuse(unopened(hydra))
    ensure_writable("hydra.sweep.dir" if arguments.multirun else "hydra.run.dir", overrides)
    return configurations


def _further(verb: str, jobs: Sequence[Sequence[str]], extra: Path | None, told: Sequence[str]) -> list[str]:
    """What else is wrong than what is ``told``: only the verb's parts know."""

    def wrong_values(cfg: DictConfig) -> list[str]:
        found: list[str] = task_of(verb).wrong_values(cfg)
        return found

    return list(dict.fromkeys(text for job in jobs for text in overlooked(verb, job, extra, told, wrong_values)))
