from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from atelier.callback.bookkeeping import Bookkeeping
from atelier.callback.checkpoints import Checkpoints
from atelier.callback.clock import Clock
from atelier.callback.monitor import Monitor
from atelier.callback.pause import ASK_EVERY
from atelier.callback.recorder import clock_of
from atelier.types import Diverged, Mistake


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


_NONE, _R1 = ({"_target_": f"atelier.regularizer.{name}"} for name in ("none.NoRegularizer", "r1.R1"))


@pytest.mark.parametrize(
    ("regularizer", "held", "precision", "advice"),
    [
        (_NONE, _NONE, "32-true", "smaller learning rates, or regularizer=r1"),
        (_R1, _R1, "32-true", "smaller learning rates"),
        (_NONE, {}, "32-true", "smaller learning rates"),  # a model without an adversary
        (_R1, _R1, "bf16-mixed", "smaller learning rates, or trainer.precision=32-true"),
    ],
)
def test_what_is_set_or_cannot_be_set_is_no_advice(
    *, regularizer: dict, held: dict, precision: str, advice: str, fit, toy, tmp_path: Path
) -> None:
    module = toy()
    module.weight.data[1] = torch.inf
    (tmp_path / "run").mkdir()
    OmegaConf.save({"regularizer": regularizer, "model": {"critic": held}}, tmp_path / "run" / "config.yaml")
    with pytest.raises(Diverged, match=f"What usually helps: {advice}$"):
        fit(module, Checkpoints(), epochs=1, enable_checkpointing=True, precision=precision)


def test_last_is_written_within_an_epoch_but_never_after_its_last_batch(fit, toy, tmp_path: Path) -> None:
    steps = []

    class Watched(Checkpoints):
        def save_last(self, trainer, pl_module) -> bool:
            steps.append((clock_of(trainer).step, trainer.is_last_batch))
            return super().save_last(trainer, pl_module)

    fit(toy(), Watched(every_n_batches=2), epochs=2, enable_checkpointing=True)
    # Five batches an epoch; steps 5 and 10 are saved by the epochs' ends.
    assert [step for step, _ in steps] == [2, 4, 5, 7, 9, 10]


def test_a_state_before_a_validation_is_not_saved(fit, toy, scoreboard, saved) -> None:
    steps = []

    class Watched(Checkpoints):
        def save_last(self, trainer, pl_module) -> bool:
            steps.append(clock_of(trainer).step)
            return super().save_last(trainer, pl_module)

    fit(toy(), scoreboard, Watched(every_n_batches=1), epochs=1, enable_checkpointing=True, val_check_interval=2)
    assert steps == [1, 3, 5]


def test_minutes_are_counted_by_a_clock_that_does_not_jump(fit, toy, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 100_000, 40))
    watch = SimpleNamespace(monotonic=lambda: float(next(now)))
    monkeypatch.setattr("atelier.callback.checkpoints.time", watch)
    steps = []

    class Watched(Checkpoints):
        def save_last(self, trainer, pl_module) -> bool:
            steps.append(clock_of(trainer).step)
            return super().save_last(trainer, pl_module)

    fit(toy(), Watched(every_n_minutes=1), epochs=1, enable_checkpointing=True)
    assert steps == [2, 4, 5]


def test_the_best_states_are_kept_and_no_others(fit, toy, scoreboard, saved, tmp_path: Path) -> None:
    offsets = [0.8, 0.3, 0.1, 0.5, 0.2]
    fit(toy(offsets.__getitem__), scoreboard, Checkpoints(keep=3), epochs=5, enable_checkpointing=True)
    folder = tmp_path / "run" / "checkpoints"
    assert sorted(file.name for file in folder.iterdir()) == ["best-2.ckpt", "best-5.ckpt", "best.ckpt", "last.ckpt"]
    assert [saved(name)["callbacks"]["Clock"]["epoch"] for name in ("best", "best-5", "best-2")] == [3.0, 5.0, 2.0]


def test_files_of_the_users_own_stay(fit, toy, scoreboard, tmp_path: Path) -> None:
    (folder := tmp_path / "run" / "checkpoints").mkdir(parents=True)
    for name in ("best-backup.ckpt", "best-1 (copy).ckpt"):
        (folder / name).touch()
    fit(toy([0.8, 0.6, 0.3].__getitem__), scoreboard, Checkpoints(keep=2), epochs=3, enable_checkpointing=True)
    assert sorted(file.name for file in folder.iterdir()) == [
        *("best-1 (copy).ckpt", "best-2.ckpt", "best-backup.ckpt", "best.ckpt", "last.ckpt")
    ]


def test_a_state_is_kept_under_its_own_epoch_after_a_full_disk(fit, toy, scoreboard, saved, no_room) -> None:
    """The disk is full in the second of four epochs, each better than the one before."""
    module = toy([0.8, 0.6, 0.3, 0.1].__getitem__)
    no_room(lambda: module.trainer.current_epoch == 1)
    trainer = fit(module, scoreboard, Checkpoints(keep=3), epochs=4, enable_checkpointing=True)
    names = {file.stem for file in (Path(trainer.default_root_dir) / "checkpoints").glob("best*.ckpt")}
    assert {name: saved(name)["callbacks"]["Clock"]["epoch"] for name in names} == {"best": 4.0, "best-3": 3.0}


def test_without_second_names_every_state_is_whole_and_under_its_own_epoch(
    fit, toy, scoreboard, *, saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", _impossible)
    monkeypatch.setattr("shutil.copy2", cut_short)
    fit(toy([0.8, 0.6, 0.3].__getitem__), scoreboard, Checkpoints(keep=3), epochs=3, enable_checkpointing=True)
    assert _epochs(tmp_path, saved) == {"best": 3.0, "best-2": 2.0, "best-1": 1.0}


def test_without_second_names_and_room_what_was_best_stays(
    fit, toy, scoreboard, *, saved, no_room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full in the third of four epochs, each better than the one before."""
    monkeypatch.setattr(os, "link", _impossible)
    module, between = toy([0.8, 0.6, 0.3, 0.1].__getitem__), {}
    no_room(lambda: module.trainer.current_epoch == 2)

    class Watched(Checkpoints):
        def save_last(self, trainer, pl_module) -> bool:
            between[trainer.current_epoch] = _epochs(tmp_path, saved)
            return super().save_last(trainer, pl_module)

    fit(module, scoreboard, Watched(keep=3), epochs=4, enable_checkpointing=True)
    assert between[2] == {"best": 2.0, "best-1": 1.0}
    assert _epochs(tmp_path, saved) == {"best": 4.0, "best-2": 2.0}


def test_a_second_name_takes_the_place_of_an_older_file(
    fit, toy, scoreboard, *, saved, no_room, tmp_path: Path
) -> None:
    """The former best asks for its name twice, as the disk is full in between, and finds a torn file there first."""
    folder, module = tmp_path / "run" / "checkpoints", toy([0.8, 0.3, 0.1].__getitem__)
    no_room(lambda: module.trainer.current_epoch == 1)

    class Torn(Checkpoints):
        def save_last(self, trainer, pl_module) -> bool:
            if trainer.current_epoch == 0:
                (folder / "best-1.ckpt").write_bytes(b"torn")
            return super().save_last(trainer, pl_module)

    fit(module, scoreboard, Torn(keep=3), epochs=3, enable_checkpointing=True)
    assert _epochs(tmp_path, saved) == {"best": 3.0, "best-1": 1.0}
    assert sorted(file.name for file in folder.iterdir()) == ["best-1.ckpt", "best.ckpt", "last.ckpt"]


def _impossible(*names: object) -> None:
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


def _epochs(place: Path, saved: Any) -> dict[str, float]:
    """The best states by their files' names: the epoch that each holds."""
    names = [file.stem for file in (place / "run" / "checkpoints").glob("best*.ckpt")]
    return {name: saved(name)["callbacks"]["Clock"]["epoch"] for name in names}


def test_processes_that_agree_on_the_time_before_a_validation_save_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, saved, checkpoints = Clock(), [], Checkpoints(every_n_minutes=1e-9)
    ranks: Any = SimpleNamespace(
        callbacks=[clock],
        world_size=2,
        is_last_batch=False,
        val_check_batch=ASK_EVERY,
        check_val_every_n_epoch=1,
        accumulate_grad_batches=1,
        fit_loop=SimpleNamespace(epoch_loop=SimpleNamespace(done=False)),
        strategy=SimpleNamespace(broadcast=lambda late: late),
    )
    monkeypatch.setattr(checkpoints, "save_last", lambda *_: saved.append(clock.step))
    for batch in range(ASK_EVERY + 1):
        clock.step = batch + 1
        checkpoints.on_train_batch_end(ranks, None, None, None, batch)  # type: ignore[arg-type]  # no model is asked
    assert saved == [ASK_EVERY + 1]


@pytest.mark.parametrize("wrong", [{"every_n_minutes": 0}, {"every_n_batches": 0}, {"keep": 0}])
def test_wrong_settings_are_named(wrong) -> None:
    with pytest.raises(Mistake, match=f"callback.checkpoints.{next(iter(wrong))}=0"):
        Checkpoints(**wrong)
