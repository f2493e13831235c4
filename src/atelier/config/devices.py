"""By which of Lightning's strategies devices share a batch."""

from __future__ import annotations

from collections.abc import Sequence

SHARED = "ddp_find_unused_parameters_true"
"""For games: in a player's turn the others' parameters get no gradients, which plain ddp waits for."""

PLAIN = "ddp"
"""For models with one player, whose every step moves all parameters; asked to look, torch warns that it need not."""


def strategy(devices: int | str | Sequence[int], nodes: int = 1, players: int = 2) -> str:
    """The strategy for ``devices`` of each of ``nodes`` machines; -1 and "auto" may turn out to be several."""
    several = str(devices) != "1" if isinstance(devices, int | str) else len(devices) > 1
    if not several and nodes == 1:
        return "auto"
    return PLAIN if players == 1 else SHARED
