"""Scores a translator at every validation, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from atelier.callback.recorder import publish
from atelier.callback.score_history import History, val
from atelier.callback.trainer_parts import data_of
from atelier.callback.translation_judge import TranslationJudge
from atelier.collective import one_after_another
from atelier.metric.extractor import Extractor
from atelier.metric.score import Score
from atelier.metric.taken import Taken
from atelier.types import Domains, Translated, averages


class TranslationBoard(Callback):
    """Takes the figures of passes over domain a (loader 0) and domain b (loader 1).

    See :class:`~atelier.callback.translation_judge.TranslationJudge` for what is taken, and which figure counts.
    Nothing of the extractor gets into a checkpoint.
    """

    def __init__(self, extractor: Extractor, scores: Mapping[str, Score | None]) -> None:
        self._judge = TranslationJudge(extractor, scores)
        self.history = History(val(self._judge.names))
        self.scored_at = -1
        self._last = Taken({}, {}, {}, {})

    def expect(self, data: Domains) -> None:
        """Find out what can be measured in ``data``; what it knows of the truth decides which figure counts.

        Raises:
            Mistake: if nothing could tell a good translator from one that does nothing.
        """
        self._judge.expect(data, data.eval_split)
        self.history.higher = val(self._judge.names)

    def results(self) -> dict[str, dict[str, Any]]:
        """Every figure's last and best value, best epoch, floor, protocol and, where it has one, ``untouched``."""
        table = self.history.table(lambda name: self._last.protocol.get(name, {}), self._last.floor)
        for name in table.keys() & self._last.untouched.keys():
            table[name]["untouched"] = self._last.untouched[name]
        return table

    # --- hooks ----------------------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find out what can be measured, and have the extractor's weights before training starts."""
        self.expect(data_of(trainer))
        with one_after_another(trainer):
            self._judge.prepare()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the last pass."""
        self._judge.reset(pl_module.device)

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
        """Look at the batch's translations."""
        assert isinstance(outputs, Translated), "validation_step must return Translated for the translation board"
        if not trainer.sanity_checking:
            self._judge.look(outputs)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the figures, on every rank from the images of all of them."""
        if trainer.sanity_checking:
            return
        self._judge.gather()
        with one_after_another(trainer):
            self._judge.meet(data_of(trainer))
        ema = averages(pl_module)
        taken = self._judge.take(ema=ema)
        self._last = Taken(val(taken.values), val(taken.floor), val(taken.untouched), val(taken.protocol))
        publish(trainer, pl_module, self, self._last.values)

    def state_dict(self) -> dict[str, Any]:
        """The figures so far, in plain numbers and words."""
        return {"rows": self.history.rows, "last": self._last._asdict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from stored figures."""
        self.history.rows, self._last = list(state_dict["rows"]), Taken(**state_dict["last"])
