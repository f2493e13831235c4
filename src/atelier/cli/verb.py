"""One verb, from the words on the command line to an exit status.

Words are checked before Hydra makes a folder, and parts before any work begins: a mistake leaves nothing
behind. Status 0: done; 1: a failure of ours; 2: a mistake of the user's; 130: Ctrl-C; 143: SIGTERM or SIGUSR1.
"""

from __future__ import annotations

import errno
import importlib
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from atelier.cli.help import overview, usage
from atelier.config.compose import compose, expand, fill_in
from atelier.config.environment import register_resolvers
from atelier.config.fit import misfits
from atelier.config.override import is_sampled, parse, quoted
from atelier.config.resume import configuration, conflicts, find, taken, wished
from atelier.config.words import conf_dir, suggestion
from atelier.types import Diverged, Mistake

log = logging.getLogger(__name__)

VERBS = {
    "train": "train a model on a data set",
    "evaluate": "score a checkpoint",
    "sample": "make pictures from a checkpoint",
    "encode": "write an autoencoder's codes of images",
    "reconstruct": "pass images through an autoencoder",
    "translate": "take pictures from one domain to the other",
    "export": "write a CycleGAN's networks as the public implementation saves them",
    "extractor": "train a small classifier whose features score models on your own data",
}


def main(verb: str | None = None) -> None:
    """Run a verb with the words of the command line and leave with its status."""
    words = sys.argv[1:]
    if verb is None:
        verb, words = _verb(words)
    sys.exit(run(verb, words))


def _verb(words: list[str]) -> tuple[str, list[str]]:
    if not words or words[0] in ("-h", "--help"):
        print(overview(VERBS))  # noqa: T201  # the answer to the user's question
        sys.exit(0 if words else 2)
    if words[0] not in VERBS:
        _say([f"there is no verb {words[0]}{suggestion(words[0], VERBS)}"])
        sys.exit(2)
    return words[0], words[1:]


def run(verb: str, words: Sequence[str]) -> int:
    """Run ``verb`` with the given words and return the exit status."""
    if any(word in ("-h", "--help") for word in words):
        print(usage(verb, VERBS[verb], conf_dir()))  # noqa: T201  # the answer to the user's question
        return 0
    register_resolvers()
    try:
        arguments = _arguments(words)
        flags = [word for word in words if word not in arguments.overrides]
        if verb == "train" and (wish := _wish(arguments)) is not None:
            return _go_on(wish, arguments, flags)
        given = _with_output(arguments.overrides) if verb == "translate" else arguments.overrides
        overrides = [*map(quoted, given), *_first_run(verb, arguments.overrides)]
        if not (arguments.hydra_help or arguments.shell_completion):
            _check(verb, arguments, overrides)
        return _hydra(verb, [*flags, *overrides])  # Hydra wants its flags on one side
    except Mistakes as mistakes:
        _say(mistakes.texts)
        return 2
    except KeyboardInterrupt:
        return 130


def _wish(arguments: Namespace) -> str | None:
    """Which run to go on with, if that is asked for."""
    try:
        wish = wished(list(map(quoted, arguments.overrides)))
    except Mistake as mistake:
        raise Mistakes([str(mistake)]) from mistake
    if wish is not None and arguments.multirun:
        raise Mistakes([f"-m and resume={wish}: one run goes on at a time"])
    if wish is not None and (arguments.cfg or arguments.info):
        raise Mistakes([f"--cfg, --info and resume={wish}: the run's configuration is the config.yaml in its folder"])
    return wish


def _go_on(wish: str, arguments: Namespace, flags: Sequence[str]) -> int:
    """Continue a stored run: its configuration and its folder take the place of those that words compose."""
    words = [word for word in map(quoted, arguments.overrides) if not word.startswith("resume=")]
    hydras = [word for word in words if word.startswith("hydra")]
    child = "LOCAL_RANK" in os.environ  # of a run whose first process has checked the words and written them down
    ours = [] if child else [word for word in words if word not in hydras]
    if not child:
        _raise(conflicts(words))
    try:
        stored = find(wish)
        extra = None if arguments.config_dir is None else Path(arguments.config_dir)
        cfg = configuration(conf_dir(), stored, ours, extra)
    except Mistake as mistake:
        raise Mistakes([str(mistake)]) from mistake
    if not child:
        if wish == "latest":
            _say([f"resume=latest: going on with {stored.folder}"])
        _raise(_task("train").preflight(cfg))
    place = [quoted(f"resume={stored.checkpoint}"), quoted(f"hydra.run.dir={stored.folder}")]
    return _hydra("train", [*flags, *place, *hydras], cfg)


def _first_run(verb: str, words: Sequence[str]) -> list[str]:
    """The recipe for those who train for the first time: they name neither model nor data nor experiment."""
    named = {word.lstrip("+~").partition("=")[0] for word in words}
    return ["experiment=dcgan_digits"] if verb == "train" and not named & {"model", "data", "experiment"} else []


def _with_output(words: Sequence[str]) -> list[str]:
    """``output=<folder>`` spelled out, as Hydra would take it for a choice from the group of that name.

    The folder is the run's folder too, unless another is named.
    """
    elsewhere = any(word.startswith("hydra.run.dir=") for word in words)
    spelled: list[str] = []
    for word in words:
        name, equals, folder = word.partition("=")
        if name == "output" and equals:
            spelled += [f"output.folder={folder}", *([] if elsewhere else [f"hydra.run.dir={folder}"])]
        else:
            spelled.append(word)
    return spelled


class Mistakes(Exception):
    """All that the user has to put right."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__("\n".join(texts))
        self.texts = texts


def _arguments(words: Sequence[str]) -> Namespace:
    """Hydra's flags and the overrides between them."""
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise Mistakes([f"{message}; options are written without dashes, as in seed=1 (--help lists them)"])

    with mock.patch.object(parser, "error", refuse):
        arguments = parser.parse_intermixed_args(list(words))
    for flag in ("config_name", "config_path", "experimental_rerun"):
        if getattr(arguments, flag) is not None:
            name = "--" + flag.replace("_", "-")
            raise Mistakes([f"{name}: a verb has its own root; YAMLs of your own go into a folder for --config-dir"])
    if arguments.config_dir is not None and not Path(arguments.config_dir).is_dir():
        raise Mistakes([f"--config-dir {arguments.config_dir}: there is no such folder"])
    return arguments


def _check(verb: str, arguments: Namespace, overrides: Sequence[str]) -> None:
    """Look at every job before the first begins.

    Raises:
        Mistakes: whatever is wrong with any of them.
    """
    extra = None if arguments.config_dir is None else Path(arguments.config_dir)
    if arguments.multirun:
        _refuse_intervals(overrides)
    jobs = expand(overrides) if arguments.multirun else [overrides]
    configs = [_compose(verb, job, extra) for job in jobs]
    _raise(text for _, mistakes in configs for text in mistakes)
    # In a child process of a run the parent has checked.
    if arguments.cfg or arguments.info or "LOCAL_RANK" in os.environ:
        return
    task = _task(verb)
    _raise(text for cfg, _ in configs for text in task.preflight(cfg))
    if verb == "train":
        _raise(taken(overrides))
    _make_room("hydra.sweep.dir" if arguments.multirun else "hydra.run.dir", overrides)


def _raise(found: Iterable[str]) -> None:
    if texts := list(dict.fromkeys(found)):
        raise Mistakes(texts)


def _refuse_intervals(overrides: Sequence[str]) -> None:
    """Hydra's own sweeper goes through lists; only others draw from intervals."""
    if not any(word.startswith("hydra/sweeper=") for word in overrides):
        sampled = [word for word in overrides if is_sampled(word)]
        if sampled:
            raise Mistakes([f"{word}: an interval is for sweepers that draw; list values, a,b" for word in sampled])


def _compose(verb: str, words: Sequence[str], extra: Path | None) -> tuple[DictConfig | None, list[str]]:
    cfg, mistakes = compose(conf_dir(), verb, words, extra)
    if cfg is not None:
        named = {word.lstrip("+~").split("=", 1)[0].split("@")[0] for word in words}
        mistakes += misfits(cfg, named)
    return cfg, mistakes


def _make_room(option: str, overrides: Sequence[str]) -> None:
    """Make the folder in which the run's folder will lie, or say that it cannot be made."""
    values = {override.key_or_group: override.value() for override in parse(overrides)[0]}
    wanted = str(values.get(option, "outputs"))
    typed = "output" if values.get("output.folder") == values.get(option, "") else option
    place = Path(wanted.split("${", 1)[0])
    try:
        if not wanted:
            raise FileNotFoundError(errno.ENOENT, "no folder is named")
        place.mkdir(parents=True, exist_ok=True)
        if not os.access(place, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = "there is a file of that name" if isinstance(error, FileExistsError) else error.strerror
        raise Mistakes([f"{typed}={wanted}: cannot be written to ({reason}); choose another folder"]) from error


def _task(verb: str) -> Any:
    """The verb's module: loads torch, so it waits until the words are right."""
    return importlib.import_module(f"atelier.task.{verb}")


def _hydra(verb: str, words: Sequence[str], stored: DictConfig | None = None) -> int:
    """Let Hydra make the run's folder and logs, and do the job.

    stored: the configuration to use in the place of what the words compose.
    """
    outcome: dict[str, Any] = {}

    def job(cfg: DictConfig) -> Any:
        started = HydraConfig.get().runtime
        if stored is None:
            fill_in(cfg, started.choices, run_dir=started.output_dir)
        else:
            cfg = stored
        try:
            return _task(verb).run(cfg)
        except (Mistake, Diverged) as ending:
            if HydraConfig.get().mode == RunMode.MULTIRUN:  # the job fails and the sweep goes on
                log.error("this job failed: %s", ending)
                raise CompactHydraException(str(ending)) from ending  # Hydra tells this kind without a traceback
            outcome["ending"] = ending
            return None

    job.__module__ = __name__
    start: Callable[[], Any] = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=verb)(job)
    with mock.patch.object(sys, "argv", [sys.argv[0], *words]):
        try:
            start()
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else 1
    if "ending" in outcome:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise outcome["ending"]
        _say([str(outcome["ending"])])
        return 2 if isinstance(outcome["ending"], Mistake) else 1
    return 0


def _say(mistakes: Sequence[str]) -> None:
    count = len(mistakes)
    lines = [mistakes[0]] if count == 1 else [f"{count} mistakes:", *(f"  {text}" for text in mistakes)]
    print("atelier: " + "\n".join(lines), file=sys.stderr)  # noqa: T201  # standard error is where mistakes are told
