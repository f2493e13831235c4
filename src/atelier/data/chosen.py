"""Which images of a split are looked at."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Chosen(Protocol):
    """Positions in a split, asked for by places among them; a Tensor of positions is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: Tensor, /) -> Tensor:
        """The positions at ``places``; both are ``[B]`` int64."""
        ...


class Everything:
    """All ``size`` images of a split, each at its own place: a choice that takes no memory."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, places: Tensor, /) -> Tensor:
        return places


def rows(chosen: Chosen) -> Tensor:
    """All positions that are ``chosen``, ``[n]`` int64."""
    return chosen[torch.arange(len(chosen))]
