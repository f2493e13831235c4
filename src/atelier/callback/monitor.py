"""Watches for the ways in which adversarial training goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from atelier.callback.divergence import bad_terms, diverged
from atelier.callback.recorder import Row, clock_of
from atelier.callback.trainer_parts import run_of
from atelier.callback.variants import configuration_of, helpful
from atelier.types import Judged, Mistake, Translated

log = logging.getLogger(__name__)

_REAL, _FAKE = "accuracy_real", "accuracy_fake"

# Batches after which a generator's images are no longer those of its random start, which are nearly alike.
_STARTED = 200


class _Trouble(NamedTuple):
    """What is wrong, and what usually helps."""

    said: str
    ways: Sequence[str]

    def told(self, cfg: Mapping[str, Any], **known: Any) -> str:
        """Both in words, without what a run of ``cfg`` has done already."""
        return f"{self.said} What usually helps: {', '.join(helpful(cfg, self.ways))}".format(**known)


_COLLAPSE = _Trouble(
    "the generator's images are nearly alike (their spread is {share:.1%} of the reals'): it may have collapsed.",
    ("regularizer=r1", "a smaller learning rate for the generator", "augment=diffaugment on small data"),
)
_SAMENESS = _Trouble(
    "translations {direction} are nearly alike (their spread is {share:.1%} of their sources'): "
    "the generator may have collapsed.",
    ("regularizer=r1", "a smaller learning rate", "a larger model.lambda_{source}"),
)
_SATURATION = _Trouble(
    "{judge} has told real from fake without a fault for a long while, so the generator learns little.",
    (
        "regularizer=r1 or gradient_penalty",
        "a smaller learning rate for the discriminator",
        "augment=diffaugment on small data",
    ),
)


class Monitor(Callback):
    """Warns once of each trouble, and stops the run where numbers are no longer finite.

    spread: fakes whose spread is below this share of the reals' count as alike.
    certainty: both accuracies of a discriminator at or above this share count as faultless.
    patience: faultless rows in a row before that is worth a word.
    warnings: what has been said so far.
    """

    def __init__(self, spread: float, certainty: float, patience: int) -> None:
        if not 0 <= spread < 1:
            raise Mistake(f"callback.monitor.spread={spread}: a share of the reals' spread, in [0, 1)")
        if not 0 < certainty <= 1:
            raise Mistake(f"callback.monitor.certainty={certainty}: a share of right answers, in (0, 1]")
        if patience < 1:
            raise Mistake(f"callback.monitor.patience={patience}: at least 1 row")
        self.spread, self.certainty, self.patience = spread, certainty, patience
        self.warnings: list[str] = []
        self._said: set[str] = set()
        self._faultless: dict[str, int] = {}

    def hear(self, trainer: Trainer, row: Row) -> None:
        """Look at training terms; raises :class:`~atelier.types.Diverged` if one of them is not finite."""
        if bad := bad_terms(row):
            raise diverged(trainer, bad[0])
        for player in [name.removesuffix(_REAL) for name in row.scalars if name.endswith(_REAL)]:
            certain = all(row.scalars[f"{player}{name}"] >= self.certainty for name in (_REAL, _FAKE))
            self._faultless[player] = self._faultless.get(player, 0) + 1 if certain else 0
            if self._faultless[player] >= self.patience:
                self._warn(trainer, f"saturation {player}", _SATURATION, judge=_called(player))

    @override
    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Compare the spread of the first batch's fakes with its reals'."""
        if batch_idx or trainer.sanity_checking or not isinstance(outputs, Judged | Translated):
            return
        if len(outputs.fake) < 2 or clock_of(trainer).step < _STARTED:
            return
        share = (spread(outputs.fake) / spread(outputs.real).clamp_min(1e-12)).item()
        if share >= self.spread:
            return
        if isinstance(outputs, Judged):
            self._warn(trainer, "collapse", _COLLAPSE, share=share)
        else:
            words = outputs.direction.replace("_", " ")
            self._warn(trainer, f"collapse {words}", _SAMENESS, direction=words, share=share, source=words[0])

    def _warn(self, trainer: Trainer, kind: str, trouble: _Trouble, **known: Any) -> None:
        if kind not in self._said:
            self._said.add(kind)
            words = trouble.told(configuration_of(run_of(trainer)), **known)
            self.warnings.append(words)
            log.warning(words)

    def state_dict(self) -> dict[str, Any]:
        """What has been said, so that a resumed run does not say it again."""
        return {"said": sorted(self._said), "warnings": self.warnings, "faultless": self._faultless}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember what has been said."""
        self._said, self.warnings = set(state_dict["said"]), list(state_dict["warnings"])
        self._faultless = dict(state_dict["faultless"])


def _called(player: str) -> str:
    """The discriminator whose terms begin with ``player``: "d/" for the only one, "d/a/" for domain a's."""
    domain = player.removeprefix("d/").rstrip("/")
    return f"domain {domain}'s discriminator" if domain else "the discriminator"


def spread(images: Tensor) -> Tensor:
    """Root mean square distance of ``images`` ``[B, ...]`` from their mean, per pixel.

    The mean squared distance of two of them is 2 B / (B − 1) times its square.
    """
    return images.float().var(dim=0, correction=0).mean().sqrt()
