"""What Lightning's profiler costs a run that does not profile."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from pytorch_lightning import Trainer
from pytorch_lightning.profilers import PassThroughProfiler

_NOTHING: AbstractContextManager[None] = nullcontext()


class _Unprofiled(PassThroughProfiler):
    """Hands out one block that does nothing; the base makes a generator for each of 150 hooks of a step."""

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]  # no generator
        """A block around ``action_name``."""
        return _NOTHING


def spare_profiling(trainer: Trainer) -> None:
    """Let no time go into profiling, unless the user asked for a profiler."""
    if type(trainer.profiler) is PassThroughProfiler:  # type: ignore[attr-defined]  # set by a function of Lightning's
        trainer.profiler = _Unprofiled()  # type: ignore[attr-defined]  # the same
