"""The folder for a run's output: whether it can be written to, before any work is done for it."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from atelier.cli.mistakes import Mistakes
from atelier.config.override import parse


def ensure_writable(option: str, overrides: Sequence[str]) -> None:
    """Make the folder in which the one that ``option`` names among ``overrides`` will lie.

    Raises:
        Mistakes: if it cannot be made or written to.
    """
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
