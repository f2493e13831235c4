"""Scores the fakes of every validation against the reals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from atelier.callback.likeness import Likeness
from atelier.callback.recorder import publish
from atelier.callback.score_history import History, val
from atelier.callback.trainer_parts import data_of
from atelier.collective import one_after_another
from atelier.metric.extractor import Extractor
from atelier.metric.score import Score
from atelier.moment import SCORE_SEED
from atelier.types import Judged, Mistake, Reals, Sampler, averages


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
        self._likeness = Likeness(extractor, kept)
        self.history = History(val(self._likeness.names))
        self.floor: dict[str, float] = {}
        self.protocols: dict[str, dict[str, Any]] = {}
        self.scored_at = -1  # the step of the last figures

    def results(self) -> dict[str, dict[str, Any]]:
        """Every figure's last and best value, best epoch, floor and protocol."""
        return self.history.table(lambda name: self.protocols.get(name, {}), self.floor)

    # --- hooks ----------------------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Have the extractor's weights before training starts, or say at once that they cannot be had."""
        with one_after_another(trainer):
            self._likeness.prepare()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the last pass."""
        self._likeness.reset(pl_module.device)

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
            self._likeness.look(outputs.indices, outputs.fake)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the figures, on every rank from the features of all of them."""
        if trainer.sanity_checking:
            return
        self._likeness.gather()
        data: Reals = data_of(trainer)
        with one_after_another(trainer):
            self._likeness.meet(data, data.eval_split, len(self._likeness.fake.features))
        seed = SCORE_SEED if isinstance(pl_module, Sampler) else None
        taken = self._likeness.take(ema=averages(pl_module), seed=seed)
        self.floor, self.protocols = val(taken.floor), val(taken.protocol)
        publish(trainer, pl_module, self, val(taken.values))

    def state_dict(self) -> dict[str, Any]:
        """The figures so far, in plain numbers."""
        return {"rows": self.history.rows, "floor": self.floor, "protocols": self.protocols}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from stored figures."""
        self.history.rows = list(state_dict["rows"])
        self.floor, self.protocols = state_dict["floor"], state_dict["protocols"]
