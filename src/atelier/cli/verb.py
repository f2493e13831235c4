"""One verb, from the words on the command line to an exit status.

Words are checked before Hydra makes a folder, and parts before any work begins: a mistake leaves nothing
behind. Status 0: done; 1: a failure of ours; 2: a mistake of the user's; 130: Ctrl-C; 143: SIGTERM or SIGUSR1.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from atelier.callback.words import called
from atelier.cli.check import checked
from atelier.cli.cluster_overrides import requeued_overrides, run_dir_override
from atelier.cli.flag_names import FLAGS
from atelier.cli.flags import arguments_of, no_such_flag
from atelier.cli.help import overview
from atelier.cli.hydra_job import start
from atelier.cli.mistakes import Mistakes, refuse, say
from atelier.cli.request import composed, extra_of, wish_of
from atelier.cli.spelling import spelled
from atelier.cli.verb_task import task_of
from atelier.cli.verbs import VERBS
from atelier.config.cluster import ALONE, ClusterProcess, cluster_process, restarted, shared_run_dir
from atelier.config.compose import fill_in
from atelier.config.environment import register_resolvers
from atelier.config.override import quoted
from atelier.config.resume import configuration, conflicts, find, own_yamls
from atelier.config.sweep import listed
from atelier.config.words import conf_dir, suggestion
from atelier.status import INTERRUPTED
from atelier.task.ranks import follow, in_silence, order
from atelier.types import Diverged, Mistake, Vanished


def main(verb: str | None = None) -> None:
    """Run a verb with the words of the command line and leave with its status."""
    if (ordered := order()) is not None:
        sys.exit(follow(_train, ordered))
    words = sys.argv[1:]
    if verb is None:
        verb, words = _verb(words)
    sys.exit(run(verb, words))


def _verb(words: list[str]) -> tuple[str, list[str]]:
    if not words:
        print(overview())  # noqa: T201  # the answer to the user's question
        sys.exit(2)
    if words[0] not in VERBS:
        say([_no_verb(words[0])])
        sys.exit(2)
    return words[0], words[1:]


def _no_verb(word: str) -> str:
    if word in FLAGS or (word.startswith("-") and not word.startswith("--")):
        return f"{word}: the verb comes first, as in {called('train')} {word}"
    if word.startswith("--"):
        return no_such_flag(word)
    return f"there is no verb {word}{suggestion(word, VERBS)}"


def run(verb: str, words: Sequence[str]) -> int:
    """Run ``verb`` with the given words and return the exit status."""
    try:
        return attempt(verb, words)
    except Mistakes as mistakes:
        say(mistakes.texts)
        with suppress(KeyboardInterrupt):  # of those who have read enough
            say(mistakes.further(), "more mistakes")
        return 2
    except (Mistake, Diverged, Vanished) as ending:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        say([str(ending)])
        return 2 if isinstance(ending, Mistake) else 1
    except KeyboardInterrupt:
        return INTERRUPTED


def attempt(verb: str, words: Sequence[str]) -> int:
    """Run ``verb`` with the given words and return the exit status of what has told its own end.

    Raises:
        Mistakes: whatever is wrong with the words.
        Mistake: what the user has to put right, found on the way.
        Diverged: if training left the finite numbers.
        Vanished: if the run's folder is gone.
    """
    register_resolvers()
    words = list(map(_at_its_place, words))
    arguments = arguments_of(words)
    flags = [word for word in words if word not in arguments.overrides]
    if verb == "train":
        here = cluster_process()
        if restarted():
            arguments.overrides = requeued_overrides(here or ALONE, arguments)
        if here is not None and not here.first:
            return _join(here, arguments)
        arguments.overrides += [] if here is None else run_dir_override(here, arguments)
        if (wish := wish_of(arguments)) is not None:
            return _go_on(wish, arguments, flags)
    overrides = spelled(verb, arguments.overrides)
    if not arguments.hydra_help:
        configurations = checked(verb, arguments, overrides)
        if arguments.cfg == "job" and not (arguments.package or arguments.resolve):
            return _show(*configurations)
    words = listed(overrides, conf_dir()) if arguments.multirun else overrides
    return start(verb, [*words, *flags])  # a flag that needs no value would take the first word for one


def _at_its_place(word: str) -> str:
    """``trainer.auto_batch`` without its first half: Lightning's trainer knows nothing of it."""
    return word.removeprefix("trainer.") if word.startswith("trainer.auto_batch=") else word


def _join(here: ClusterProcess, arguments: Namespace) -> int:
    """Train beside the first of several processes, which checks the same words, writes and speaks."""
    words = list(map(quoted, arguments.overrides))
    extra = extra_of(arguments)
    try:
        if (wish := wish_of(arguments)) is not None:
            ours = [word for word in words if not word.startswith(("resume=", "hydra"))]
            return in_silence(_train, configuration(conf_dir(), find(wish), ours, extra))
        cfg, mistakes = composed("train", spelled("train", arguments.overrides), extra)
        if cfg is None or mistakes:
            return 2
        cfg.run_dir = str(Path(shared_run_dir(here, words, str(cfg.model_name), str(cfg.data_name))).resolve())
    except (Mistake, Mistakes):
        return 2
    return in_silence(_train, cfg)


def _train(cfg: DictConfig) -> object:
    return task_of("train").run(cfg)


def _go_on(wish: str, arguments: Namespace, flags: Sequence[str]) -> int:
    """Continue a stored run: its configuration and its folder take the place of those that words compose."""
    words = [word for word in map(quoted, arguments.overrides) if not word.startswith("resume=")]
    hydras = [word for word in words if word.startswith("hydra")]
    ours = [word for word in words if word not in hydras]
    extra = extra_of(arguments)
    mistakes = [*conflicts(words), *composed("train", hydras, extra)[1]]
    try:
        stored = find(wish)
        if ours and extra is None and (extra := own_yamls(stored.folder)) is not None:
            flags = [*flags, "--config-dir", str(extra)]
        cfg = configuration(conf_dir(), stored, ours, extra)
    except Mistake as mistake:
        mistakes += str(mistake).splitlines()
    refuse(mistakes)
    if wish == "latest":
        say([f"resume=latest: going on with {stored.folder}"])
    refuse(task_of("train").preflight(cfg))
    there = [quoted(f"resume={stored.checkpoint}"), quoted(f"hydra.run.dir={stored.folder}")]
    return start("train", [*flags, *there, *hydras], cfg)


def _show(cfg: DictConfig) -> int:
    """Print what Hydra's own ``--cfg job`` would compose once more."""
    fill_in(cfg, {"model": "???", "data": "???"}, run_dir="???", started_in="???")  # they are known when a run starts
    print(OmegaConf.to_yaml(cfg), end="")  # noqa: T201  # the answer to the user's question
    return 0
