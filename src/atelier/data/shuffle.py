"""The order of an epoch, in the same little memory for any number of images."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from atelier.moment import Moment

_WHOLE = 2**16
"""The most images whose order is drawn at once: half a megabyte of positions."""

_WINDOW = 4096
"""How many positions of a longer order are computed at a time."""

_ROUNDS = 8


class Order(Protocol):
    """Positions in a split, each of them once; a part is looked at at a time."""

    def __getitem__(self, part: slice, /) -> NDArray[np.int64]:
        """The positions of ``part``, which has a beginning and an end and no steps."""
        ...


def permuted(size: int, seed: int, epoch: int) -> Order:
    """The order of one epoch: every one of ``size`` images once. A function of (seed, epoch)."""
    generator = Moment(seed=seed, step=epoch).within("data").generator("order")
    if size <= _WHOLE:
        return torch.randperm(size, generator=generator).numpy()
    return Permutation(size, generator)


class Permutation:
    """A permutation of 0 to ``size - 1`` of which nothing is kept but its keys and a window of positions.

    A Feistel network permutes the numbers of as many bits as ``size - 1`` has (Luby & Rackoff 1988), and what falls
    outside goes through it again until it falls inside (cycle walking: Black & Rogaway 2002, section 3). Each round
    changes one half of the bits by a hash of the other one and of the round's key; the hash is the last step of
    MurmurHash3 for 64 bits (Appleby 2011).

    size: 2 or more. generator: gives the keys.
    """

    def __init__(self, size: int, generator: torch.Generator) -> None:
        self.size = size
        self._keys = torch.randint(2**62, (_ROUNDS,), generator=generator).numpy().astype(np.uint64)
        bits = (size - 1).bit_length()
        self._low = np.uint64(bits // 2)
        self._masks = [np.uint64(2 ** (bits - bits // 2) - 1), np.uint64(2 ** (bits // 2) - 1)]
        self._first, self._window = 0, np.empty(0, np.int64)

    def __getitem__(self, part: slice) -> NDArray[np.int64]:
        """The positions of ``part``; neighbouring parts come out of one window."""
        first, last, _ = part.indices(self.size)
        if not self._first <= first <= last <= self._first + len(self._window):
            self._first = first
            self._window = self._at(np.arange(first, min(max(last, first + _WINDOW), self.size), dtype=np.uint64))
        return self._window[first - self._first : last - self._first]

    def _at(self, places: NDArray[np.uint64]) -> NDArray[np.int64]:
        found = self._through(places)
        while len(outside := np.flatnonzero(found >= self.size)):
            found[outside] = self._through(found[outside])
        return found.astype(np.int64)

    def _through(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        halves = [numbers >> self._low, numbers & self._masks[1]]
        for turn, key in enumerate(self._keys):
            changed = turn % 2
            halves[changed] = halves[changed] ^ (_hashed(halves[1 - changed] ^ key) & self._masks[changed])
        return halves[0] << self._low | halves[1]


def _hashed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        numbers = (numbers ^ (numbers >> np.uint64(33))) * np.uint64(factor)
    return numbers ^ (numbers >> np.uint64(33))
