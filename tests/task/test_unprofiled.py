from __future__ import annotations

import pytest
from pytorch_lightning import Trainer

from atelier.task.unprofiled import spare_profiling


@pytest.fixture
def trainer() -> Trainer:
    return Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)


def test_blocks_of_a_hook_do_nothing_and_may_lie_within_one_another(trainer: Trainer) -> None:
    spare_profiling(trainer)
    outer = trainer.profiler.profile("training_step")  # type: ignore[attr-defined]
    with outer, trainer.profiler.profile("backward") as inner:  # type: ignore[attr-defined]
        assert inner is None
    with pytest.raises(ValueError, match="of the hook"), outer:
        raise ValueError("of the hook")


def test_a_profiler_that_was_asked_for_stays() -> None:
    asked = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, profiler="simple")
    profiler = asked.profiler  # type: ignore[attr-defined]
    spare_profiling(asked)
    assert asked.profiler is profiler  # type: ignore[attr-defined]
