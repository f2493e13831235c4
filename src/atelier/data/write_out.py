"""A large file that reaches the disk while it is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

# Enough for a disk to be fast.
_PIECE = 2**22


@contextmanager
def written_out(path: Path) -> Iterator[Callable[[memoryview], None]]:
    """A new file ``path``, and what appends to it.

    The disk follows in the background. Otherwise its slowness would come to light all at once when the file is made
    safe, with nothing left to do meanwhile.
    """
    with path.open("wb") as file, ThreadPoolExecutor(1) as disk:
        following, ahead = disk.submit(os.fsync, file.fileno()), 0

        def append(piece: memoryview) -> None:
            nonlocal following, ahead
            file.write(piece)
            ahead += piece.nbytes
            if ahead >= _PIECE and following.done():
                following.result()  # raises what the disk had to say
                following, ahead = disk.submit(os.fsync, file.fileno()), 0

        yield append
        following.result()
