"""What Lightning does for nobody in every step of a run: blocks that no profiler times, hooks that nobody has."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.profilers import PassThroughProfiler
from torch import Tensor

from atelier.task.step_loop import StepLoop

_NOTHING: AbstractContextManager[None] = nullcontext()

_AROUND_BACKWARD = ("on_before_backward", "on_after_backward")

_EVERY_STEP = (
    "on_train_batch_start",
    "on_before_zero_grad",
    *_AROUND_BACKWARD,
    "on_before_optimizer_step",
    "on_train_batch_end",
)


def spare_step(trainer: Trainer, model: LightningModule) -> None:
    """Leave out what a step of ``trainer`` with ``model`` would do for nobody; what the user asked for stays."""
    if type(trainer.profiler) is PassThroughProfiler:  # type: ignore[attr-defined]  # set by a function of Lightning's
        trainer.profiler = _Unprofiled()  # type: ignore[attr-defined]  # the same
        loop = trainer.fit_loop.epoch_loop
        trainer.fit_loop.epoch_loop = StepLoop(trainer, min_steps=loop.min_steps, max_steps=loop.max_steps)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # the same
        for hook in _EVERY_STEP:
            if not _has(callback, hook, Callback):
                # Lightning passes over what cannot be called, before it has made the words for a profiler.
                setattr(callback, hook, None)
    _spare_backward(trainer, model)


def _spare_backward(trainer: Trainer, model: LightningModule) -> None:
    """Leave out what stands around ``backward``, unless somebody listens there, or losses are scaled (float16)."""
    numbers = trainer.strategy.precision_plugin
    listening = [
        *(_has(callback, hook, Callback) for callback in trainer.callbacks for hook in _AROUND_BACKWARD),  # type: ignore[attr-defined]  # the same
        *(_has(model, hook, LightningModule) for hook in _AROUND_BACKWARD),
    ]
    if getattr(numbers, "scaler", None) is None and not any(listening):
        # Of this trainer alone; Lightning calls the parameters by their places.
        numbers.pre_backward = _unchanged  # type: ignore[method-assign, assignment]  # the instance's own
        numbers.post_backward = _cut_loose  # type: ignore[method-assign, assignment]  # the same


def _has(listener: object, hook: str, base: type) -> bool:
    """Whether ``listener`` has a ``hook`` of its own."""
    own = getattr(listener, hook)
    return own is not None and own != getattr(base, hook).__get__(listener)


def _unchanged(loss: Tensor, module: LightningModule) -> Tensor:
    return loss


def _cut_loose(loss: Tensor, module: LightningModule) -> Tensor:
    return loss.detach()


class _Unprofiled(PassThroughProfiler):
    """Hands out one block that does nothing; the base makes a generator for each of 150 hooks of a step."""

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]  # no generator
        """A block around ``action_name``."""
        return _NOTHING
