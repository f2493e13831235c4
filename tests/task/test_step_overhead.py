from __future__ import annotations

from typing import Any

import pytest
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import LambdaCallback
from pytorch_lightning.demos.boring_classes import BoringModel

from atelier.task.step_overhead import _EVERY_STEP, spare_step


class Listener(Callback):
    """Writes down the ends of batches and epochs."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_train_batch_end(self, *given: Any) -> None:
        self.heard.append("batch")

    def on_train_epoch_end(self, *given: Any) -> None:
        self.heard.append("epoch")


class Heir(Listener):
    pass


def made(*callbacks: Callback, **options: Any) -> Trainer:
    quiet = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(**quiet, callbacks=list(callbacks), **options)


def test_blocks_of_a_hook_do_nothing_and_may_lie_within_one_another() -> None:
    trainer = made()
    spare_step(trainer, BoringModel())
    outer = trainer.profiler.profile("training_step")  # type: ignore[attr-defined]
    with outer, trainer.profiler.profile("backward") as inner:  # type: ignore[attr-defined]
        assert inner is None
    with pytest.raises(ValueError, match="of the hook"), outer:
        raise ValueError("of the hook")


def test_a_profiler_that_was_asked_for_stays() -> None:
    asked = made(profiler="simple")
    profiler = asked.profiler  # type: ignore[attr-defined]
    spare_step(asked, BoringModel())
    assert asked.profiler is profiler  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*LeafSpec")
def test_hooks_that_somebody_has_are_called_and_no_others() -> None:
    backwards: list[int] = []
    heir, by_word = Heir(), LambdaCallback(on_after_backward=lambda *given: backwards.append(1))
    trainer = made(heir, by_word, max_epochs=2, limit_train_batches=3, limit_val_batches=0, enable_model_summary=False)
    model = BoringModel()
    spare_step(trainer, model)
    assert [hook for hook in _EVERY_STEP if getattr(heir, hook) is not None] == ["on_train_batch_end"]
    assert [hook for hook in _EVERY_STEP if getattr(by_word, hook) is not None] == ["on_after_backward"]
    trainer.fit(model)
    assert heir.heard == (["batch"] * 3 + ["epoch"]) * 2
    assert len(backwards) == 6


class Watched(BoringModel):
    def on_before_backward(self, loss: Any) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("model", "callbacks", "precision", "spared"),
    [
        (BoringModel, [Heir()], "32-true", True),
        (BoringModel, [Heir()], "bf16-mixed", True),
        (Watched, [], "32-true", False),
        (BoringModel, [LambdaCallback(on_after_backward=print)], "32-true", False),
    ],
)
def test_hooks_around_backward_are_looked_for_once(
    model: type[BoringModel], callbacks: list[Callback], precision: str, spared: bool
) -> None:
    trainer = made(*callbacks, precision=precision)
    spare_step(trainer, model())
    numbers = trainer.strategy.precision_plugin
    assert ("pre_backward" in vars(numbers), "post_backward" in vars(numbers)) == (spared, spared)
