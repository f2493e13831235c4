"""Where a search keeps its trials: whether that can be opened, before any work is done for it."""

from __future__ import annotations

from omegaconf import DictConfig

from atelier.config.machinery import is_search
from atelier.types import Mistake


def unopened(hydra: DictConfig | None) -> list[str]:
    """Why the storage of a search cannot be opened. It is made where there is none."""
    if not is_search(hydra):
        return []
    assert hydra is not None
    from hydra_plugins.atelier_optuna._storage import opened  # loads SQLAlchemy: only at need

    try:
        opened(hydra.sweeper.storage)
    except Mistake as mistake:
        return [str(mistake)]
    return []
