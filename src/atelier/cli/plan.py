"""What a command line will run: one job, or the jobs of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from atelier.cli import garbage_collection
from atelier.cli.overlooked import set_aside
from atelier.cli.search_storage import unopened
from atelier.config.machinery import absent, machinery, unfit
from atelier.config.sweep import covering, empty, left_open, patterns, planned, undrawn
from atelier.config.words import conf_dir


class Plan(NamedTuple):
    """The jobs of a command line, and what can be said of it as a whole.

    told: what is wrong with single words.
    words: the others.
    jobs: the words of each.
    looked_at: as few jobs as show every value of every option.
    unfit: what keeps the jobs of these configurations from being run.
    unopened: why the place that all jobs share cannot be had. It is made where there is none.
    folder: the option by which the place of results is chosen.
    """

    told: list[str]
    words: Sequence[str]
    jobs: list[Sequence[str]]
    looked_at: list[Sequence[str]]
    unfit: Callable[[Sequence[DictConfig]], list[str]]
    unopened: Callable[[], list[str]]
    folder: str


def one_job(verb: str, words: Sequence[str], extra: Path | None) -> Plan:
    """The plan of a command line without -m. extra: a folder of the user's own YAMLs."""
    told = absent(words)
    words = set_aside(words, told)
    if any(word.startswith("search=") for word in words):
        told += left_open(machinery(conf_dir(), verb, words, extra), words)
    return Plan(told, words, [words], [words], lambda configs: [], list, "hydra.run.dir")


def sweep(verb: str, words: Sequence[str], extra: Path | None) -> Plan:
    """The plan of a command line with -m."""
    told = [*absent(words), *patterns(words), *empty(words)]
    words = set_aside(words, told)
    hydra = machinery(conf_dir(), verb, words, extra)
    told += undrawn(hydra, words)
    garbage_collection.wake()  # hundreds of jobs leave gigabytes of configurations that refer to themselves
    jobs, looked_at = planned(hydra, words), covering(words)
    return Plan(told, words, [*jobs], [*looked_at], partial(unfit, hydra), partial(unopened, hydra), "hydra.sweep.dir")
