"""Files of tensors that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from atelier.whole_file import replacing


def write_atomically(path: Path, content: dict[str, Any]) -> None:
    """``torch.save``, of which readers see nothing or all. Raises OSError where ``path`` cannot be written."""
    try:
        with replacing(path) as stream:
            torch.save(content, stream)
    except RuntimeError as error:  # torch's word for a write that failed, in which the system's is hidden
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def read_plain(path: Path) -> Any:
    """What ``torch.save`` wrote, on the CPU, if it is only tensors and plain values; none of it is run.

    Raises OSError where the file cannot be read, and ValueError for whatever is wrong with its contents.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # an unpickler that meets rubbish raises anything
        raise ValueError(f"{path} does not hold plain tensors") from error
