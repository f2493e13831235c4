"""The Inception Score: are fakes of clear classes, and of all of them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from atelier.metric.score import exact
from atelier.moment import SCORE_SEED, Moment
from atelier.types import Features, Mistake


class InceptionScore:
    """exp E_x KL(p(y|x) ‖ p(y)), 1 to the number of classes: the mean over ``splits`` parts of the fakes.

    Salimans et al., "Improved Techniques for Training GANs" (2016), section 4; their protocol is 10 parts of
    5,000. p(y) is estimated within a part, so small parts score lower, and the fakes are shuffled by a fixed seed
    before they are shared out: those of a conditional model may come class by class, as the folders of their reals do.
    Reals are not looked at; an extractor without logits gives no figure.
    """

    names: Mapping[str, bool] = {"inception_score": True}

    def __init__(self, splits: int) -> None:
        if splits < 1:
            raise Mistake(f"splits={splits}: the Inception Score is a mean over at least 1 part of the fakes")
        self.splits = splits

    def __call__(self, real: Features, fake: Features) -> dict[str, float]:
        """The score of logits ``[N, K]``; {} without logits."""
        if fake.logits is None:
            return {}
        self.demand(real, fake)
        log_p = exact(fake.logits).log_softmax(dim=1)
        parts = [_score(log_p[rows]) for rows in _shuffled(len(log_p)).tensor_split(self.splits)]
        return {"inception_score": sum(parts) / len(parts)}

    def demand(self, real: Features, fake: Features) -> None:
        """Mistake for fewer fakes than parts."""
        if fake.logits is not None and len(fake.logits) < self.splits:
            raise Mistake(
                f"the Inception Score in splits={self.splits} parts needs at least {self.splits} images; there are "
                f"{len(fake.logits)} fake ones"
            )

    def protocol(self, real: int, fake: int) -> dict[str, Any]:
        """In how many parts, and of which rows."""
        return {"splits": self.splits, "order": "shuffled"}


def _shuffled(count: int) -> Tensor:
    """The same permutation of ``count`` rows everywhere."""
    return torch.randperm(count, generator=Moment(seed=SCORE_SEED, step=0).generator("inception_score"))


def _score(log_p: Tensor) -> float:
    """The score of one part, from log p(y|x) ``[n, K]``."""
    p = log_p.exp()
    marginal = p.mean(dim=0, keepdim=True)
    # xlogy: a class that never occurs adds nothing.
    divergence = (p * log_p).sum(dim=1).mean() - marginal.xlogy(marginal).sum()
    return divergence.exp().item()
