"""A file that is being fetched: what is here of it, and where it comes from."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

from atelier.data.fetch_progress import FetchProgress

_CHUNK = 1 << 18


class Part:
    """The beginning of a file, ``<target>.part``, with a note of its address and version beside it."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        target.parent.mkdir(parents=True, exist_ok=True)

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    def standing(self, address: str) -> tuple[int, str]:
        """How many bytes of this address are here, and the mark by which its server knows their version."""
        try:
            note = json.loads(self._note.read_text())
            if note["address"] == address and note["mark"]:
                return self.size, str(note["mark"])
        except (OSError, ValueError, KeyError, TypeError):  # none, or a broken one: begin anew
            pass
        return 0, ""

    def grow(self, body: Any, start: int, total: int | None, *, address: str, mark: str) -> None:
        """Write ``body``, a readable of bytes, from byte ``start`` on.

        Raises OSError where it ends before ``total`` (None: nobody knows), or the disk is full.
        """
        if not start:
            self.path.unlink(missing_ok=True)  # before the note would call it a beginning of this version
        self._note.write_text(json.dumps({"address": address, "mark": mark}))
        free = shutil.disk_usage(self.path.parent).free
        if total is not None and total - start > free:
            text = f"the disk has {free / 1e9:.1f} GB free, and {(total - start) / 1e9:.1f} GB are to come"
            raise OSError(errno.ENOSPC, text)
        with (
            self.path.open("r+b" if start else "wb") as file,
            FetchProgress(self.target.name.lstrip("."), start, total) as progress,
        ):
            file.seek(start)
            file.truncate()
            while chunk := body.read(_CHUNK):
                file.write(chunk)
                progress.reached(file.tell())
            file.flush()
            os.fsync(file.fileno())
            at = file.tell()
        if total is not None and at != total:
            raise OSError(f"the connection ended after {at:,} of {total:,} bytes")

    def forget(self) -> None:
        """Begin anew next time."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def complete(self) -> None:
        """Give the file its own name."""
        self._note.unlink(missing_ok=True)
        self.path.replace(self.target)
