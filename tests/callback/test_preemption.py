"""Leaving in order: when the processes of a run ask each other, and what they say of the checkpoint."""

from __future__ import annotations

import signal
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from torch import Tensor

from atelier.callback.checkpoints import Checkpoints
from atelier.callback.clock import Clock
from atelier.callback.pause import ASK_EVERY
from atelier.callback.preemption import Preemption


class Ranks:
    """Stands in for a trainer of several processes, one of which may have got a signal; notes when they were asked."""

    def __init__(self, world: int, validate_every: int | None = None) -> None:
        self.clock, self.asked, self.noted = Clock(), list[int](), 0
        self.callbacks, self.world_size, self.is_global_zero = [self.clock], world, True
        self.is_last_batch, self.val_check_batch, self.check_val_every_n_epoch = False, validate_every, 1
        self.accumulate_grad_batches, self.default_root_dir = 1, "a folder that is not there"
        self.strategy = SimpleNamespace(root_device=torch.device("cpu"), reduce=self._reduce, barrier=lambda name: None)

    def _reduce(self, mine: Tensor, reduce_op: str) -> Tensor:
        self.asked.append(self.clock.step)
        return torch.maximum(mine, torch.tensor(float(self.noted)))

    def train(self, preemption: Preemption, batches: int) -> None:
        for batch in range(batches):
            self.clock.step = batch + 1
            preemption.on_train_batch_end(self, None, None, None, batch)  # type: ignore[arg-type]


def test_several_processes_ask_each_other_seldom() -> None:
    ranks = Ranks(world=2)
    ranks.train(Preemption("go on"), batches=3 * ASK_EVERY + 1)
    assert ranks.asked == [ASK_EVERY, 2 * ASK_EVERY, 3 * ASK_EVERY]


@pytest.mark.parametrize(("validate_every", "left"), [(None, ASK_EVERY), (ASK_EVERY, ASK_EVERY + 1)])
def test_what_another_process_has_noted_down_counts(validate_every: int | None, left: int) -> None:
    """Also where they are asked at a place that nothing can go on from, before a validation."""
    ranks = Ranks(world=2, validate_every=validate_every)
    ranks.noted = 143
    with pytest.raises(SystemExit) as leaving:
        ranks.train(Preemption("go on"), batches=3 * ASK_EVERY)
    assert (leaving.value.code, ranks.clock.step, ranks.asked) == (143, left, [ASK_EVERY])


def test_a_process_that_trains_alone_leaves_at_once_and_asks_nobody() -> None:
    ranks, preemption = Ranks(world=1), Preemption("go on")
    preemption._note(signal.SIGTERM, None)
    with pytest.raises(SystemExit):
        ranks.train(preemption, batches=2)
    assert (ranks.clock.step, ranks.asked) == (1, [])


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143), (signal.SIGUSR1, 144)]
)
def test_one_signal_alone_has_slurm_start_the_job_again(
    number: signal.Signals, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atelier.callback.preemption.SLURMEnvironment.detect", lambda: True)
    former = signal.getsignal(signal.SIGINT)
    preemption = Preemption("go on")
    try:
        preemption._note(number, None)
    finally:
        signal.signal(signal.SIGINT, former)
    assert preemption._status == status


class Sent(Callback):
    """A signal at the end of the first epoch."""

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("full", [False, True])
def test_at_an_epochs_end_it_is_said_whether_the_state_was_saved(
    full: bool, fit, toy, no_room, caplog: pytest.LogCaptureFixture
) -> None:
    no_room(lambda: full)
    with caplog.at_level("INFO", "atelier"), pytest.raises(SystemExit) as leaving:
        fit(toy(), Sent(), Checkpoints(), Preemption("go on"), epochs=2, enable_checkpointing=True)
    assert leaving.value.code == 143
    assert (": nothing was saved yet" if full else ": saved. To go on") in caplog.text


def test_where_nothing_is_saved_any_more_the_former_state_is_told(
    fit, toy, no_room, caplog: pytest.LogCaptureFixture
) -> None:
    class Filling(Callback):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            no_room(lambda: trainer.current_epoch == 1)

    class SentLater(Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            if trainer.current_epoch == 1:
                signal.raise_signal(signal.SIGTERM)

    with caplog.at_level("INFO", "atelier"), pytest.raises(SystemExit):
        fit(toy(), Filling(), SentLater(), Checkpoints(), Preemption("go on"), epochs=3, enable_checkpointing=True)
    assert ": NOT saved, the last checkpoint is kept. To go on:" in caplog.text


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no such signal")
@pytest.mark.parametrize("ignored", [False, True], ids=["closed terminal", "nohup"])
def test_a_closed_terminal_stops_a_run_unless_it_is_to_outlive_it(ignored: bool, fit, toy) -> None:
    class Closed(Callback):
        def on_train_batch_start(self, *_: Any) -> None:
            signal.raise_signal(signal.SIGHUP)

    former = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        with nullcontext() if ignored else pytest.raises(SystemExit) as leaving:
            fit(toy(), Closed(), Checkpoints(), Preemption("go on"), enable_checkpointing=True)
        assert ignored or leaving.value.code == 143
        assert signal.getsignal(signal.SIGHUP) == (signal.SIG_IGN if ignored else signal.SIG_DFL)
    finally:
        signal.signal(signal.SIGHUP, former)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("epoch", [0, 1])
def test_a_batch_that_fails_once_a_signal_has_come_is_the_signals_end(
    number: signal.Signals, status: int, epoch: int, *, fit, toy, caplog: pytest.LogCaptureFixture
) -> None:
    """As where a compiler or a process that loads data has got it too."""

    class Killed(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if trainer.current_epoch == epoch:
                signal.raise_signal(number)
                raise RuntimeError("the compiler was killed")

    preemption, before = Preemption("go on"), signal.getsignal(number)
    with caplog.at_level("INFO", "atelier"), pytest.raises(RuntimeError):
        fit(toy(), Killed(), Checkpoints(), preemption, epochs=2, enable_checkpointing=True)
    assert preemption.cut_off == status
    assert signal.getsignal(number) is before
    assert "amid a batch (RuntimeError)" in caplog.text
    assert ("the last checkpoint is kept. To go on:" if epoch else "nothing was saved yet") in caplog.text


def test_what_fails_without_a_signal_is_no_end_of_its(fit, toy) -> None:
    class Failing(Callback):
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            raise RuntimeError("something else")

    preemption = Preemption("go on")
    with pytest.raises(RuntimeError, match="something else"):
        fit(toy(), preemption, Failing(), enable_checkpointing=True)
    assert preemption.cut_off is None
