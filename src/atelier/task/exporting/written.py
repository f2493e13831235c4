"""What every format gives back, and what it can do."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from atelier.task.exporting.program import Bundle


class Written(NamedTuple):
    """A file that was written and tried.

    does: what is in it, for people.
    how: lines of Python that open it in the folder where it lies; empty where other software does.
    apart: the largest difference from PyTorch that was seen; 0 where the very numbers are stored.
    """

    file: Path
    does: str
    how: str
    apart: float


def write_at_once(file: Path, save: Callable[[BinaryIO], object]) -> None:
    """Have ``save`` fill ``file`` by way of memory: torch's own writer tells of a full disk in an error of its own."""
    stream = io.BytesIO()
    save(stream)
    file.write_bytes(stream.getbuffer())


class Format(Protocol):
    """A form in which networks are stored.

    needs: packages that it asks for, all of the extra ``export``.
    library: what opens it, as Hugging Face calls it.
    """

    needs: tuple[str, ...]
    library: str

    def check(self, bundle: Bundle) -> None:
        """Raise a Mistake if this model cannot be stored so."""
        ...

    def write(self, bundle: Bundle, folder: Path) -> Iterable[Written]:
        """Write into ``folder``, which is there, and read back what was written, one file after the other.

        Raises:
            Differs: if what is read back computes something else.
        """
        ...
