from __future__ import annotations

from pathlib import Path

import pytest
import torch

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.checkpoints import Checkpoints
from atelier.callback.monitor import Monitor
from atelier.types import Diverged


@pytest.fixture
def saved(tmp_path: Path):
    def load(name: str) -> dict:
        return torch.load(tmp_path / "run" / "checkpoints" / f"{name}.ckpt", weights_only=True)

    return load


def test_last_follows_every_epoch_and_best_only_improvements(fit, toy, scoreboard, saved) -> None:
    offsets = [0.8, 0.1, 0.4]
    fit(toy(offsets.__getitem__), scoreboard, Checkpoints(), epochs=3, enable_checkpointing=True)
    assert saved("last")["callbacks"]["Clock"]["epoch"] == 3.0
    assert saved("best")["callbacks"]["Clock"]["epoch"] == 2.0
    assert saved("best")["state_dict"].keys() == {"weight"}


def test_best_within_an_epoch_is_caught_as_it_passes(fit, toy, scoreboard, saved) -> None:
    fit(toy(), scoreboard, Checkpoints(), epochs=1, enable_checkpointing=True, val_check_interval=2)
    assert saved("best")["callbacks"]["Clock"]["step"] == 2
    assert saved("last")["callbacks"]["Clock"]["step"] == 5


def test_without_validation_there_is_a_last_one(fit, toy, scoreboard, saved, tmp_path: Path) -> None:
    fit(toy(), scoreboard, Checkpoints(), epochs=1, enable_checkpointing=True, limit_val_batches=0)
    assert saved("last")["callbacks"]["Clock"]["epoch"] == 1.0
    assert not (tmp_path / "run" / "checkpoints" / "best.ckpt").exists()


def test_nan_in_a_term_stops_the_run_and_keeps_the_last_good_state(fit, toy, scoreboard, saved) -> None:
    callbacks = [Bookkeeping(50), scoreboard, Monitor(0.05, 0.99, 20), Checkpoints()]
    with pytest.raises(Diverged, match=r"d/loss is not finite .*last\.ckpt"):
        fit(toy(poison=7), *callbacks, epochs=3, enable_checkpointing=True)
    assert saved("last")["callbacks"]["Clock"]["epoch"] == 1.0


def test_nan_is_not_saved_where_nobody_watches_for_it(fit, toy, scoreboard, saved) -> None:
    fit(toy(poison=7), Bookkeeping(50), scoreboard, Checkpoints(), epochs=3, enable_checkpointing=True)
    assert saved("last")["callbacks"]["Clock"]["epoch"] == 1.0


def test_a_weight_that_is_not_finite_is_not_saved(fit, toy, saved, tmp_path: Path) -> None:
    module = toy()
    module.weight.data[1] = torch.inf
    with pytest.raises(Diverged, match="a weight is not finite"):
        fit(module, Checkpoints(), epochs=1, enable_checkpointing=True)
    assert not (tmp_path / "run" / "checkpoints").exists()
