"""Values that change as training goes on, each a pure function of the position in epochs."""

from __future__ import annotations

import math
from typing import Literal, Protocol

from atelier.types import Mistake

Clock = Literal["epoch", "batch"]


class Schedule(Protocol):
    """Maps a position in epochs (with its fraction) to a value."""

    def __call__(self, epoch: float) -> float:
        """The value at ``epoch``."""
        ...


def _read(clock: Clock, epoch: float) -> float:
    return float(math.floor(epoch)) if clock == "epoch" else epoch


def _refuse_below(least: float, **epochs: float) -> None:
    for name, length in epochs.items():
        if length < least:
            raise Mistake(f"{name}={length}: a length in epochs, at least {least:g}")


class Constant:
    """The same value for ever."""

    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def __call__(self, epoch: float) -> float:
        """The value, whatever ``epoch``."""
        return self.value


class LinearDecay:
    """1 in the first ``hold`` epochs, then a straight line towards 0 over ``decay`` epochs.

    CycleGAN's public recipe: in epoch e, counted from 1, the factor is 1 − max(0, e − hold) / (decay + 1);
    with ``by="epoch"`` and a position counted from 0 that is 1 − max(0, ⌊epoch⌋ + 1 − hold) / (decay + 1), so
    that the last epoch still trains. ``by="batch"`` draws the line through these values at the epochs' starts, so that
    it leaves 1 an epoch before ``hold`` ends.
    """

    def __init__(self, hold: float, decay: float, by: Clock = "epoch") -> None:
        _refuse_below(0, hold=hold, decay=decay)
        self.hold, self.decay, self.by = hold, decay, by

    def __call__(self, epoch: float) -> float:
        """The factor in [0, 1] at ``epoch``."""
        return max(0.0, 1.0 - max(0.0, _read(self.by, epoch) + 1 - self.hold) / (self.decay + 1))


class Cosine:
    """From ``start`` to ``end`` along half a cosine over ``epochs`` epochs, then ``end`` (Loshchilov & Hutter 2017)."""

    def __init__(self, epochs: float, start: float = 1.0, end: float = 0.0, by: Clock = "batch") -> None:
        _refuse_below(1, epochs=epochs)
        self.epochs, self.start, self.end, self.by = epochs, start, end, by

    def __call__(self, epoch: float) -> float:
        """The value between ``start`` and ``end`` at ``epoch``."""
        progress = min(_read(self.by, epoch) / self.epochs, 1.0)
        return self.end + (self.start - self.end) * 0.5 * (1.0 + math.cos(math.pi * progress))
