"""The entry point: help, versions and completions are answered here, before Hydra or anything as slow is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from atelier.cli import garbage_collection
from atelier.cli.help import overview, usage
from atelier.cli.interruption import leaving_quietly
from atelier.cli.mistakes import Mistakes, say
from atelier.cli.shells import candidates, script
from atelier.cli.verbs import VERBS
from atelier.config.words import conf_dir


def main(verb: str | None = None) -> None:
    """Run a verb (None: the one that the first word names) with the words of the command line; leave with its status.

    The installed command ``atelier`` names none, a script of src/ its own.
    """
    with leaving_quietly():
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # folders have names that not every terminal can show
        status = _answer(verb, sys.argv[1:])
        if status is not None:
            sys.exit(status)
        garbage_collection.rest()
        try:
            from atelier.cli.verb import main as begin

            begin(verb)
        finally:
            garbage_collection.wake()


def run(verb: str, words: Sequence[str]) -> int:
    """Run ``verb`` with the given words and return the exit status."""
    status = _answer(verb, words)
    if status is not None:
        return status
    from atelier.cli.verb import run as begin

    return begin(verb, words)


def _answer(verb: str | None, words: Sequence[str]) -> int | None:
    """The status after answering what needs no work; None where there is work to do."""
    if verb is None and words and words[0] in VERBS:
        verb, words = words[0], words[1:]
    asks_help = any(word in ("-h", "--help") for word in words)
    asks_completion = any(word in ("-sc", "--shell-completion") for word in words)
    asks_version = "--version" in words
    if not (asks_help or asks_completion or asks_version):
        return None
    try:
        if asks_completion:
            said = _complete(verb, words)
        elif asks_version:
            from atelier.cli.versions import versions  # a third of the time that help takes

            said = versions()
        elif verb is None:
            said = overview()
        else:
            said = usage(verb, conf_dir(), _axes(words))
    except Mistakes as mistakes:
        say(mistakes.texts)
        return 2
    if said:
        _print(said)
    return 0


def _print(said: str) -> None:
    """Answer the user's question, of which ``| head`` reads the beginning alone."""
    try:
        print(said, flush=True)  # noqa: T201  # the answer to the user's question
    except BrokenPipeError:
        # Python flushes once more when it leaves, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _axes(words: Sequence[str]) -> list[str]:
    """The words beside --help, where they are bare: axes of which alone help is wanted."""
    rest = [word for word in words if word not in ("-h", "--help")]
    return [] if any(word.startswith("-") for word in rest) else [word for word in rest if "=" not in word]


def _complete(verb: str | None, words: Sequence[str]) -> str:
    """Hydra's words for it: ``install=bash`` gives what a shell reads once, ``query=bash`` is what that then asks."""
    wish = [word.split("=", 1) for word in words if word.startswith(("install=", "query="))]
    if len(wish) != 1:
        raise Mistakes(["--shell-completion wants one of install=bash, install=fish, install=zsh"])
    ((what, shell),) = wish
    return candidates(verb, shell) if what == "query" else script(shell)
