"""From words as people type them to words as Hydra reads them."""

from __future__ import annotations

from collections.abc import Sequence

from atelier.cli.mistakes import Mistakes
from atelier.cli.option_lists import as_list
from atelier.cli.positional import with_places
from atelier.config.override import key_of, quoted
from atelier.types import Mistake

_WITH_OUTPUT = ("translate", "compare", "export")


def spelled(verb: str, words: Sequence[str]) -> list[str]:
    """``words`` of ``verb``, spelled out.

    Raises:
        Mistakes: for words that exclude one another.
    """
    given = _with_output(words) if verb in _WITH_OUTPUT else words
    given = _with_runs(given) if verb == "compare" else given
    given = as_list(given, "ckpt") if verb == "serve" else given
    return [*map(quoted, given), *_first_run(verb, words)]


def _first_run(verb: str, words: Sequence[str]) -> list[str]:
    """The recipe for those who train for the first time: they name neither model nor data nor experiment."""
    named = {key_of(word) for word in words} & {"model", "data", "experiment", "search"}
    return ["experiment=dcgan_digits"] if verb == "train" and not named else []


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


def _with_runs(words: Sequence[str]) -> list[str]:
    try:
        return with_places(words, "runs")
    except Mistake as mistake:
        raise Mistakes([str(mistake)]) from mistake
