"""Tab completion in bash, zsh and fish: the lines that a shell reads once, and the answers that they ask for."""

from __future__ import annotations

import os
from pathlib import Path

from atelier.cli.complete import complete
from atelier.cli.mistakes import Mistakes
from atelier.config.words import suggestion

_FOLDER = Path(__file__).parent
_SHELLS = ("bash", "fish", "zsh")


def script(shell: str) -> str:
    """What ``shell`` is to evaluate; the same for all verbs.

    Raises:
        Mistakes: for a shell that is not among them.
    """
    if shell not in _SHELLS:
        raise Mistakes([f"install={shell}: there is no completion for {shell}{suggestion(shell, _SHELLS)}"])
    return (_FOLDER / f"completion.{shell}").read_text(encoding="utf-8").rstrip()


def candidates(verb: str | None, shell: str) -> str:
    """What fits at the end of COMP_LINE (what was typed after the command), one to a line.

    bash gets the words alone, the others a tab and what is said of each as well.
    """
    found = complete(verb, os.environ.get("COMP_LINE", ""))
    return "\n".join(one.word if shell == "bash" or not one.meaning else "\t".join(one) for one in found)
