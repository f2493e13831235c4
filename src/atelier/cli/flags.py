"""The flags of a command line, which are Hydra's: what there is, and what is wrong with those that were typed."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from atelier.cli.flag_names import AFTER_FLAG, FLAGS
from atelier.cli.mistakes import Mistakes
from atelier.config.words import nearest, suggestion

_ALIKE = 0.75
"""How near to a flag a wrong one must be: of words as short as these, most share half their letters."""


def arguments_of(words: Sequence[str]) -> Namespace:
    """Hydra's flags and the overrides between them.

    Raises:
        Mistakes: for flags that there are not, or that do not go together.
    """
    # A single dash before a long name reads as short flags with a value behind them: -help as -h with "elp".
    if slips := [word for word in words if re.match(r"-\w{3}", word) and _meant(f"-{word}")]:
        raise Mistakes([no_such_flag(word) for word in slips])
    parser = get_args_parser()
    parser.allow_abbrev = False  # --hel would be Hydra's help

    def refuse(message: str) -> NoReturn:
        raise Mistakes(_told(message))

    parser.error = refuse  # type: ignore[method-assign]  # made by the call above, and nobody else's
    arguments = parser.parse_intermixed_args(list(words))
    mistakes = []
    for flag in ("config_name", "config_path", "experimental_rerun"):
        if getattr(arguments, flag) is not None:
            name = "--" + flag.replace("_", "-")
            mistakes.append(f"{name}: a verb has its own root; YAMLs of your own go into a folder for --config-dir")
    asked = [flag for flag in ("--run", "--multirun", "--cfg", "--info") if getattr(arguments, flag[2:])]
    if len(asked) > 1:
        mistakes.append(f"{' and '.join(asked)}: one at a time")
    if arguments.config_dir is not None and not Path(arguments.config_dir).is_dir():
        mistakes.append(f"--config-dir {arguments.config_dir}: there is no such folder")
    if mistakes:
        raise Mistakes(mistakes)
    return arguments


def no_such_flag(word: str) -> str:
    """What to say of a flag that is none."""
    if near := _meant(word if word.startswith("--") else f"-{word}"):
        return f"{word}: there is no such flag; did you mean {near}?"
    option = word.lstrip("-")
    example = option if re.match(r"[\w./@]+=", option) else "seed=1"
    return f"{word}: there is no such flag; options are written without dashes, as in {example} (--help lists them)"


def _meant(word: str) -> str | None:
    return nearest(word.partition("=")[0], FLAGS, cutoff=_ALIKE)


def _told(message: str) -> list[str]:
    """What argparse objects to, in our words."""
    if unknown := re.match(r"unrecognized arguments: (.*)", message):
        return [no_such_flag(word) for word in unknown[1].split()]
    if wrong := re.match(r"argument (--[\w-]+)\S*: invalid choice: '(.*?)'", message):
        return [f"{wrong[1]} {wrong[2]}: there is no such choice{suggestion(wrong[2], AFTER_FLAG.get(wrong[1], []))}"]
    if alone := re.match(r"argument (--[\w-]+)\S*: expected one argument", message):
        return [f"{alone[1]} wants a word after it{suggestion('', AFTER_FLAG.get(alone[1], []))}"]
    return [message]
