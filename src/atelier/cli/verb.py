"""One verb, from the words on the command line to an exit status.

Words are checked before Hydra makes a folder, and parts before any work begins: a mistake leaves nothing
behind. Status 0: done; 1: a failure of ours; 2: a mistake of the user's; 130: Ctrl-C.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from atelier.cli.help import overview, usage
from atelier.config.compose import compose, expand, fill_in
from atelier.config.environment import register_resolvers
from atelier.config.fit import misfits
from atelier.config.words import conf_dir, suggestion
from atelier.types import Mistake

VERBS = {
    "train": "train a model on a data set",
    "evaluate": "score a checkpoint",
    "sample": "make pictures from a checkpoint",
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
    arguments = get_args_parser().parse_args(list(words))
    try:
        if not (arguments.hydra_help or arguments.shell_completion):
            jobs = expand(arguments.overrides) if arguments.multirun else [arguments.overrides]
            for job in jobs:
                _check(verb, job, words_only=bool(arguments.cfg or arguments.info))
        return _hydra(verb, words)
    except Mistakes as mistakes:
        _say(mistakes.texts)
        return 2
    except KeyboardInterrupt:
        return 130


class Mistakes(Exception):
    """All that the user has to put right."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__("\n".join(texts))
        self.texts = texts


def _check(verb: str, words: Sequence[str], *, words_only: bool) -> None:
    cfg, mistakes = compose(conf_dir(), verb, words)
    if cfg is not None:
        named = {word.lstrip("+~").split("=", 1)[0].split("@")[0] for word in words}
        mistakes += misfits(cfg, named)
    if mistakes or cfg is None:
        raise Mistakes(mistakes)
    if words_only or "LOCAL_RANK" in os.environ:  # a child process of a run whose parent has checked
        return
    mistakes = _task(verb).preflight(cfg)
    if mistakes:
        raise Mistakes(mistakes)
    _make_room(words)


def _make_room(words: Sequence[str]) -> None:
    """Make the folder in which the run's folder will lie, or say that it cannot be made."""
    given = [word.partition("=")[2] for word in words if word.startswith("hydra.run.dir=")]
    wanted = given[-1].strip("'\"") if given else "outputs"
    place = Path(wanted.split("${", 1)[0])
    try:
        place.mkdir(parents=True, exist_ok=True)
        if not os.access(place, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = "there is a file of that name" if isinstance(error, FileExistsError) else error.strerror
        raise Mistakes([f"hydra.run.dir={wanted}: cannot be written to ({reason}); choose another folder"]) from error


def _task(verb: str) -> Any:
    """The verb's module: loads torch, so it waits until the words are right."""
    return importlib.import_module(f"atelier.task.{verb}")


def _hydra(verb: str, words: Sequence[str]) -> int:
    outcome: dict[str, Any] = {}

    def job(cfg: DictConfig) -> Any:
        with open_dict(cfg):
            cfg.run_dir = HydraConfig.get().runtime.output_dir
            fill_in(cfg, HydraConfig.get().runtime.choices)
        try:
            return _task(verb).run(cfg)
        except Mistake as mistake:
            if HydraConfig.get().mode == RunMode.MULTIRUN:  # the job fails and the sweep goes on
                raise
            outcome["mistake"] = mistake
            return None

    job.__module__ = __name__
    start: Callable[[], Any] = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=verb)(job)
    with mock.patch.object(sys, "argv", [str(Path("src") / f"{verb}.py"), *words]):
        try:
            start()
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else 1
    if "mistake" in outcome:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise outcome["mistake"]
        _say([str(outcome["mistake"])])
        return 2
    return 0


def _say(mistakes: Sequence[str]) -> None:
    count = len(mistakes)
    lines = [mistakes[0]] if count == 1 else [f"{count} mistakes:", *(f"  {text}" for text in mistakes)]
    print("atelier: " + "\n".join(lines), file=sys.stderr)  # noqa: T201  # standard error is where mistakes are told
