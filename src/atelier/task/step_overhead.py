"""What Lightning does for nobody in every step of a run: blocks that no profiler times, hooks that no callback has."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.profilers import PassThroughProfiler

_NOTHING: AbstractContextManager[None] = nullcontext()

_EVERY_STEP = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)


def spare_step(trainer: Trainer) -> None:
    """Leave out what a step of ``trainer`` would do for nobody; what the user asked for stays."""
    if type(trainer.profiler) is PassThroughProfiler:  # type: ignore[attr-defined]  # set by a function of Lightning's
        trainer.profiler = _Unprofiled()  # type: ignore[attr-defined]  # the same
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # the same
        for hook in _EVERY_STEP:
            if getattr(callback, hook) == getattr(Callback, hook).__get__(callback):
                # Lightning passes over what cannot be called, before it has made the words for a profiler.
                setattr(callback, hook, None)


class _Unprofiled(PassThroughProfiler):
    """Hands out one block that does nothing; the base makes a generator for each of 150 hooks of a step."""

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]  # no generator
        """A block around ``action_name``."""
        return _NOTHING
