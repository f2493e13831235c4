"""What a search looks for: the first score of its runs, and which way that is better."""

from __future__ import annotations

from omegaconf import DictConfig

from atelier.types import Mistake


def aim(cfg: DictConfig) -> tuple[str, bool | None]:
    """The figure that counts in a run of ``cfg``, and whether higher is better (None: neither way).

    Raises:
        Mistake: if such a run has no scores.
    """
    import torch

    from atelier.callback.score_history import Board
    from atelier.callback.translation_board import TranslationBoard
    from atelier.config.build import build
    from atelier.config.dry_run import quiet

    for node in cfg.callback.values():
        if node is None:
            continue
        with quiet(), torch.device("meta"):
            observer = build(node)
        if isinstance(observer, TranslationBoard):
            with quiet():
                observer.expect(build(cfg.data))
        if isinstance(observer, Board):
            primary = observer.history.primary
            return primary, observer.history.higher[primary]
    raise Mistake("these runs take no scores (callback.scoreboard=null), so there is nothing to search for")
