"""The shorter way through a step is Lightning's: the same hooks in the same order, figures and progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from pytorch_lightning.demos.boring_classes import BoringDataModule, BoringModel
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import StepLR
from typing_extensions import override

from atelier.task.step_loop import StepLoop
from atelier.task.step_overhead import spare_step

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec"),
    pytest.mark.filterwarnings("ignore:.*number of training batches"),
    pytest.mark.filterwarnings("ignore:You have overridden"),
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch"),
]

Said = list[tuple[Any, ...]]


class Diary(Callback):
    """Writes down every hook around a step, and logs a figure of its own where that is allowed."""

    def __init__(self) -> None:
        self.said: Said = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.said.append(("callback starts", batch_idx, pl_module._current_fx_name, trainer.global_step))

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self.said.append(("callback before backward", float(loss.detach())))

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.said.append(("callback after backward",))

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        self.said.append(("callback before step", trainer.global_step))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        said = {name: float(value) for name, value in (outputs or {}).items()}
        self.said.append(("callback ends", batch_idx, said, trainer.global_step, trainer.is_last_batch))
        pl_module.log("callback/seen", float(batch_idx), on_step=True, on_epoch=True, batch_size=len(batch))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.said.append(("validation", trainer.global_step))

    @override
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.said.append(("validated", batch_idx))


class Talker(BoringModel):
    """A model with every hook, schedules by step and by epoch, and figures of its own."""

    def __init__(self, said: Said) -> None:
        super().__init__()
        self.said = said

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        self.said.append(("before transfer", dataloader_idx))
        return batch * 2

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        self.said.append(("after transfer", float(batch.sum())))
        return batch + 1

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        self.said.append(("starts", batch_idx, self._current_fx_name))
        self.log("start", float(batch_idx))
        return None

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.said.append(("step", batch_idx, self._current_fx_name, float(batch.sum())))
        loss = super().training_step(batch, batch_idx)["loss"]
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.said.append(("ends", batch_idx, self._current_fx_name))
        self.log("end", float(batch_idx), on_epoch=True)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return [optimizer], [{"scheduler": StepLR(optimizer, 2, gamma=0.5), "interval": "step"}, StepLR(optimizer, 1)]


class Player(Talker):
    """The same with manual optimization, and a step that asks for no index."""

    def __init__(self, said: Said) -> None:
        super().__init__(said)
        self.automatic_optimization = False

    def training_step(self, batch: Any) -> None:  # type: ignore[override]  # Lightning looks at the signature
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        optimizer.zero_grad()
        loss = self.loss(self(batch))
        self.manual_backward(loss)
        optimizer.step()
        self.log("loss", loss, on_step=True, on_epoch=True)


class Quitter(Talker):
    """Gives up the rest of an epoch."""

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        super().on_train_batch_start(batch, batch_idx)
        return -1 if batch_idx == 2 else None


def _run(
    made: Callable[[Said], Talker], *, short: bool, ckpt_path: Path | None = None, **options: Any
) -> tuple[Said, dict[str, Any], Trainer, Talker]:
    """What was said, the figures, and who took part."""
    seed_everything(3, verbose=False)
    diary = Diary()
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[diary],
        log_every_n_steps=1,
        **{"max_epochs": 2, "limit_train_batches": 5, "limit_val_batches": 2, "num_sanity_val_steps": 0} | options,
    )
    model = made(diary.said)
    if short:
        spare_step(trainer, model)
        assert type(trainer.fit_loop.epoch_loop) is StepLoop
    trainer.fit(model, BoringDataModule(), ckpt_path=ckpt_path, weights_only=False)
    return diary.said, {name: float(value) for name, value in trainer.logged_metrics.items()}, trainer, model


def _same(*args: Any, **options: Any) -> tuple[Said, Trainer]:
    theirs, their_figures, their_trainer, their_model = _run(*args, short=False, **options)
    ours, our_figures, our_trainer, our_model = _run(*args, short=True, **options)
    assert ours == theirs
    assert our_figures == their_figures
    assert our_trainer.fit_loop.state_dict() == their_trainer.fit_loop.state_dict()
    for mine, other in zip(our_model.parameters(), their_model.parameters(), strict=True):
        assert torch.equal(mine, other)
    return ours, our_trainer


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """One entry for each step, True where it went the shorter way."""
    taken: list[bool] = []
    whole = StepLoop.__mro__[1].advance  # type: ignore[attr-defined]
    advance = StepLoop.advance

    def ours(self: StepLoop, fetcher: Any) -> None:
        taken.append(True)
        advance(self, fetcher)

    def theirs(self: StepLoop, fetcher: Any) -> None:
        if type(self) is StepLoop:
            taken[-1] = False
        whole(self, fetcher)

    monkeypatch.setattr(StepLoop, "advance", ours)
    monkeypatch.setattr(StepLoop.__mro__[1], "advance", theirs)
    yield taken


@pytest.mark.parametrize("made", [Talker, Player])
def test_hooks_figures_and_progress_are_lightnings(made: type[Talker], short_steps: list[bool]) -> None:
    said, _ = _same(made, val_check_interval=2)
    assert short_steps == [True] * 10
    assert ("validation", 2) in said
    step = [words[0] for words in said]
    assert step[step.index("before transfer") :][:8] == [
        "before transfer",
        "after transfer",
        "callback starts",
        "starts",
        *(["step"] if made is Talker else []),
        "callback before backward",
        "callback after backward",
        "callback before step",
        *(["callback ends"] if made is Player else []),
    ]


def test_gradients_that_are_gathered_over_batches() -> None:
    _same(Talker, accumulate_grad_batches=2)


def test_an_epoch_that_the_model_gives_up() -> None:
    said, trainer = _same(Quitter)
    assert [words[1] for words in said if words[0] == "starts"] == [0, 1, 2, 0, 1, 2]
    assert trainer.global_step == 4


@pytest.mark.parametrize("moment", ["on_train_batch_end", "on_validation_end"])
def test_the_first_step_after_a_resume_is_lightnings_own(
    moment: str, tmp_path: Path, short_steps: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = tmp_path / "stored.ckpt"

    def keep(model: Talker, *_: Any) -> None:
        if model.trainer.global_step == 2 and not stored.exists():
            model.trainer.save_checkpoint(stored)

    monkeypatch.setattr(Talker, moment, keep)
    _run(Talker, short=True, val_check_interval=2)
    short_steps.clear()
    said, _ = _same(Talker, ckpt_path=stored, val_check_interval=2)
    assert [words[1] for words in said if words[0] == "starts"] == [2, 3, 4, 0, 1, 2, 3, 4]
    assert [words[1] for words in said if words[0] == "validated"][-6:] == [0, 1] * 3
    # Where the checkpoint was written by a validation, the loop's first turn is spent on passing it over.
    turns = 8 if moment == "on_train_batch_end" else 9
    assert short_steps == [False, *[True] * (turns - 1)]


def test_a_profiler_sees_lightnings_own_loop() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, profiler="simple")
    spare_step(trainer, BoringModel())
    assert type(trainer.fit_loop.epoch_loop) is not StepLoop
