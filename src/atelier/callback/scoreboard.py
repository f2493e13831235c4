"""Scores the fakes of every validation against the reals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from atelier.callback.figures import figures, floor, protocol, protocols, public_names, real_features, see
from atelier.callback.recorder import publish
from atelier.callback.score_history import History, val
from atelier.callback.trainer_parts import data_of
from atelier.collective import one_after_another
from atelier.metric.extractor import Extractor
from atelier.metric.feature_bank import FeatureBank
from atelier.metric.score import Score
from atelier.moment import SCORE_SEED
from atelier.types import Features, Judged, Mistake, Reals, Sampler, averages


class Scoreboard(Callback):
    """Holds the extractor and the features of a validation pass; neither gets into a checkpoint.

    The N fakes of a pass meet N reals of the split that it loops over (all of them, if the pass is a whole
    one), whose features are computed once and kept, also on disk. The floor is the same figure with N reals
    of the other split in the fakes' place.

    extractor: what turns images into features.
    scores: the figures by any name, None leaves one out; the first one's first name is the primary figure, by
        which checkpoints are called best.
    """

    def __init__(self, extractor: Extractor, scores: Mapping[str, Score | None]) -> None:
        kept = {name: score for name, score in scores.items() if score is not None}
        if not kept:
            raise Mistake("metric: the scoreboard needs at least one score; callback.scoreboard=null goes without")
        if not extractor.num_features:
            raise Mistake("extractor=none: these scores compare features; callback.scoreboard=null goes without scores")
        self.extractor, self.scores = extractor, kept
        self.history = History(val(public_names(kept, extractor)))
        self.floor: dict[str, float] = {}
        self.protocols: dict[str, dict[str, Any]] = {}
        self.scored_at = -1  # the step of the last figures
        self._fakes = FeatureBank()
        self._real: Features | None = None

    def results(self) -> dict[str, dict[str, Any]]:
        """Every figure's last and best value, best epoch, floor and protocol."""
        return self.history.table(lambda name: self.protocols.get(name, {}), self.floor)

    # --- hooks ----------------------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Have the extractor's weights before training starts, or say at once that they cannot be had."""
        with one_after_another(trainer):
            self.extractor.prepare()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """An empty bank on the model's device."""
        self.extractor.to(pl_module.device)
        self._fakes.to(pl_module.device)
        self._fakes.reset()

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
        """Look at the batch's fakes."""
        assert isinstance(outputs, Judged), "validation_step must return Judged for the scoreboard"
        if not trainer.sanity_checking:
            self._fakes.update(outputs.indices, see(self.extractor, outputs.fake))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the figures, on every rank from the features of all of them."""
        if trainer.sanity_checking:
            return
        fake: Features = self._fakes.compute()
        self._fakes.reset()
        real = self._reals(trainer, pl_module, len(fake.features))
        taken = val(figures(self.scores, self.extractor, real, fake))
        ema = averages(pl_module)
        seed = SCORE_SEED if isinstance(pl_module, Sampler) else None
        sizes = {"real": len(real.features), "fake": len(fake.features)}
        common = protocol(self.extractor, **sizes, ema=ema, seed=seed)
        told = protocols(self.scores, self.extractor, common, **sizes)
        self.protocols = val(told)
        publish(trainer, pl_module, self, taken)

    def _reals(self, trainer: Trainer, pl_module: LightningModule, count: int) -> Features:
        if self._real is not None and len(self._real.features) == count:
            return self._real
        data: Reals = data_of(trainer)
        device = pl_module.device
        with one_after_another(trainer):
            self._real = real_features(self.extractor, data, data.eval_split, count, device)
            self.floor = val(floor(self.scores, self.extractor, data, data.eval_split, self._real, count))
        return self._real

    def state_dict(self) -> dict[str, Any]:
        """The figures so far, in plain numbers."""
        return {"rows": self.history.rows, "floor": self.floor, "protocols": self.protocols}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from stored figures."""
        self.history.rows = list(state_dict["rows"])
        self.floor, self.protocols = state_dict["floor"], state_dict["protocols"]
