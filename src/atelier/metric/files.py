"""Files of tensors that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


def write_atomically(path: Path, content: dict[str, Any]) -> None:
    """``torch.save`` under a temporary name, then renamed: readers see nothing or all of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(content, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
