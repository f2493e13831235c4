"""Judges an autoencoder: what its reconstructions lose, and what its code is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from atelier.callback.recorder import publish
from atelier.callback.score_history import History, val
from atelier.callback.trainer_parts import data_of
from atelier.metric.code_splits import Coded, Examiner, Numbers
from atelier.metric.distortion import Distortion
from atelier.pixels import as_unit, to_levels
from atelier.types import Encoder, ImageBatch, Judged, Mistake, Reals


class Appraisal(Callback):
    """Takes distortion from every validation pass, and examines codes of the same images at every validation.

    train, test: images of each split whose codes are examined, drawn once by a fixed seed (all, if there are fewer).
    examiners: the figures by any name, None leaves one out.
    coded: the test images and their codes of the last validation, on the first rank.
    """

    def __init__(self, train: int, test: int, examiners: Mapping[str, Examiner | None]) -> None:
        for name, count in (("train", train), ("test", test)):
            if count < 1:
                raise Mistake(f"callback.appraisal.{name}={count}: at least 1 image is examined")
        self.train, self.test = train, test
        self.examiners = [examiner for examiner in examiners.values() if examiner is not None]
        names: dict[str, bool | None] = dict(Distortion.names)
        for examiner in self.examiners:
            names |= examiner.names
        self.history = History(val(names))
        self.scored_at = -1
        self.coded: Coded | None = None
        self._protocols: dict[str, dict[str, Any]] = {}
        self._distortion = Distortion()
        self._levels: dict[str, tuple[Numbers, Any]] = {}

    def results(self) -> dict[str, dict[str, Any]]:
        """Every figure's last and best value, best epoch and protocol."""
        return self.history.table(lambda name: self._protocols.get(name, {}), {})

    # --- hooks ----------------------------------------------------------------------------------------------

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the last pass."""
        # Apple's devices have no float64, in which sums are kept.
        self._distortion.to("cpu" if pl_module.device.type == "mps" else pl_module.device)
        self._distortion.reset()

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
        """Look at the batch's reconstructions."""
        assert isinstance(outputs, Judged), "validation_step must return Judged for the appraisal"
        if not trainer.sanity_checking:
            self._distortion.update(outputs.real, outputs.fake)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the figures: distortion from all ranks, the code's from the first."""
        if trainer.sanity_checking:
            return
        figures = self._distortion.compute()
        data: Reals = data_of(trainer)
        self._protocols |= val(self._distortion.protocol(data.eval_split))
        examined = self._examine(trainer, pl_module, data) if trainer.is_global_zero else {}
        figures |= trainer.strategy.broadcast(examined)
        publish(trainer, pl_module, self, val(figures))

    def _examine(self, trainer: Trainer, pl_module: LightningModule, data: Reals) -> dict[str, float]:
        assert isinstance(pl_module, Encoder), f"{type(pl_module).__name__} makes no codes"
        train = self._code(pl_module, data, "train", self.train)
        self.coded = test = self._code(pl_module, data, data.eval_split, self.test)
        figures: dict[str, float] = {}
        for examiner in self.examiners:
            taken = examiner(train, test)
            sizes = {"split": data.eval_split, "train": len(train.codes), "test": len(test.codes)}
            self._note(taken, sizes | examiner.protocol())
            figures |= taken
        return figures

    def _code(self, model: Encoder, data: Reals, split: str, count: int) -> Coded:
        device = cast(LightningModule, model).device
        codes, levels, labels = [], [], []
        for batch in _some(data, split, count):
            images = as_unit(batch.images)
            codes.append(model.encode(images.to(device)).float().cpu())
            if split not in self._levels:
                levels.append(to_levels(images).flatten(1))
                labels.append(batch.labels)
        if split not in self._levels:
            known = [label for label in labels if label is not None]
            truth = torch.cat(known).numpy() if len(known) == len(labels) else None  # not batch by batch
            self._levels[split] = (torch.cat(levels).numpy(), truth)
        kept, truth = self._levels[split]
        return Coded(kept, torch.cat(codes).numpy(), truth)

    def _note(self, figures: Mapping[str, float], protocol: Mapping[str, Any]) -> None:
        self._protocols |= {f"val/{name}": dict(protocol) for name in figures}

    def state_dict(self) -> dict[str, Any]:
        """The figures so far, in plain numbers."""
        return {"rows": self.history.rows, "protocols": self._protocols}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from stored figures."""
        self.history.rows, self._protocols = list(state_dict["rows"]), dict(state_dict["protocols"])


def _some(data: Reals, split: str, count: int) -> Iterator[ImageBatch]:
    """``count`` images of ``split``, or all if there are fewer."""
    return data.reals(split, count if count <= data.size(split) else None)
