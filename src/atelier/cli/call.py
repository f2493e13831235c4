"""A verb called from Python: the same words as on the command line, a folder in the place of a status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from unittest import mock

from atelier.cli.mistakes import Mistakes
from atelier.cli.verb import attempt
from atelier.cli.verbs import VERBS
from atelier.config.words import suggestion
from atelier.status import INTERRUPTED
from atelier.types import Mistake

# Not a script that could be started once more for every device; the commands that are printed begin with `atelier`.
_CALLER = "python"

_QUESTIONS = {"-h", "--help", "--hydra-help", "--version", "-c", "--cfg", "-i", "--info", "-sc", "--shell-completion"}
"""Flags that are answered with text, and fill no folder."""


def call(verb: str, *words: str, folder: str | Path | None = None) -> Path:
    """The folder that ``verb`` has filled.

    verb, words: as after ``atelier`` on the command line.
    folder: of the run, or of the sweep with ``-m``; by default a new one, ``outputs/<verb>/<time>``.

    Raises:
        Mistake: whatever is wrong with the words; nothing is written then.
        Diverged: if training left the finite numbers.
        RuntimeError: if the verb ended otherwise than done.
    """
    if verb not in VERBS:
        raise Mistake(f"there is no verb {verb}{suggestion(verb, VERBS)}")
    place = Path("outputs", verb, f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}") if folder is None else Path(folder)
    with mock.patch.object(sys, "argv", [_CALLER]):
        try:
            status = attempt(verb, [*words, *_into(verb, place, words)])
        except Mistakes as mistakes:
            raise Mistake("\n".join([*mistakes.texts, *mistakes.further()])) from None
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    if status:
        raise RuntimeError(f"{verb} ended with status {status}")
    return place


def _into(verb: str, place: Path, words: Sequence[str]) -> list[str]:
    """The word that names the folder."""
    for word in words:
        name, _, value = word.partition("=")
        if name in _QUESTIONS:
            raise Mistake(f"{word}: a question for the command line (atelier {verb} {word}); from Python, a verb works")
        if name == "resume":
            raise Mistake(f"{word}: a run goes on from the command line (atelier train resume={value})")
        if name in ("hydra.run.dir", "hydra.sweep.dir"):
            raise Mistake(f"{word}: from Python, say folder={value!r}")
    return [f"{'hydra.sweep.dir' if {'-m', '--multirun'} & set(words) else 'hydra.run.dir'}={place}"]
