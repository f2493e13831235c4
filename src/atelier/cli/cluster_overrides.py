"""Overrides of processes that a cluster starts, or starts again: their run's folder, and what they go on with."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from atelier.cli.mistakes import Mistakes
from atelier.cli.request import composed, extra_of, wish_of
from atelier.cli.spelling import spelled
from atelier.config.cluster import ClusterProcess, shared_run_dir
from atelier.config.override import quoted
from atelier.config.resume import left_early
from atelier.run_folder import RunFolder
from atelier.types import Mistake


def requeued_overrides(here: ClusterProcess, arguments: Namespace) -> list[str]:
    """The words of a job that SLURM starts again: its run goes on, if it has come far enough."""
    words: list[str] = arguments.overrides
    if arguments.multirun or arguments.cfg or arguments.info or wish_of(arguments) is not None:
        return words
    folder = _folder(here, arguments)
    if folder is None or not RunFolder(folder).last.is_file():
        return words
    return [f"resume={folder}", *(word for word in words if word.startswith("hydra") and "run.dir=" not in word)]


def _folder(here: ClusterProcess, arguments: Namespace) -> Path | None:
    """The folder that processes which start apart agree on; None if there is none, or if the words are wrong."""
    try:
        cfg, _ = composed("train", spelled("train", arguments.overrides), extra_of(arguments))
        words = list(map(quoted, arguments.overrides))
        if cfg is None:
            return None
        return Path(shared_run_dir(here, words, str(cfg.model_name), str(cfg.data_name))).resolve()
    except (Mistake, Mistakes):
        return None


def run_dir_override(here: ClusterProcess, arguments: Namespace) -> list[str]:
    """The word that names the run's folder where processes that start apart must agree on it."""
    if arguments.multirun and here.world != 1:
        raise Mistakes(["-m: a sweep starts processes of its own; leave out torchrun or srun"])
    if arguments.multirun or wish_of(arguments) is not None:  # the stored run has one
        return []
    folder = _folder(here, arguments) if here.world == 1 else None
    if folder is not None and (run := RunFolder(folder)).begun and not left_early(run):
        return []  # by hand, in a shell that SLURM has started: not the first run there
    try:
        return [f"hydra.run.dir='{shared_run_dir(here, list(map(quoted, arguments.overrides)))}'"]
    except Mistake as mistake:
        raise Mistakes([str(mistake)]) from mistake
