"""What a training step is measured with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class How:
    """One way of taking a game's step.

    game: the name of a function in :mod:`suite.games`, and its arguments.
    device: cpu, cuda or mps.
    precision, extra: of atelier's step, as its words have them; the plain loop's is float32.
    rounds: that count; no new one begins after ``most_seconds``.
    """

    game: tuple[str, int]
    device: str
    precision: str = "32-true"
    extra: tuple[str, ...] = ()
    rounds: int = 8
    most_seconds: float = 120.0
