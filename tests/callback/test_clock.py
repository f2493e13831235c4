from __future__ import annotations

import time

import pytest

from atelier.callback.clock import Clock, peak_memory_bytes
from atelier.callback.recorder import clock_of


def test_position_after_training(fit, toy) -> None:
    clock = clock_of(fit(toy(), epochs=3))
    assert (clock.step, clock.images_seen, clock.epoch) == (15, 120, 3.0)
    assert 0 < clock.train_seconds < 60
    assert clock.images_per_second > 0


def test_batches_that_lightning_leaves_out_were_not_trained_on(fit, toy) -> None:
    clock = clock_of(fit(toy(), epochs=3, limit_train_batches=2))
    assert (clock.step, clock.images_seen, clock.epoch) == (6, 48, 3.0)


def test_validation_does_not_slow_the_images(fit, toy) -> None:
    class Slow(toy):
        def on_validation_end(self) -> None:
            time.sleep(0.3)

    clock = clock_of(fit(Slow(), epochs=1))
    assert clock.train_seconds > 0.25
    assert clock.images_per_second > 40 / clock.train_seconds


def test_position_survives_a_checkpoint(fit, toy) -> None:
    clock, again = clock_of(fit(toy(), epochs=1)), Clock()
    again.load_state_dict(clock.state_dict())
    assert again.state_dict() == clock.state_dict()


def test_speed_is_that_of_all_sessions_as_images_and_seconds_are(fit, toy) -> None:
    """An hour before the interruption, ten minutes of it validation, weighs as much as it lasted."""
    before = {"step": 100, "images_seen": 6000, "epoch": 2.0, "train_seconds": 3600.0, "validation_seconds": 600.0}
    clock = Clock()
    clock.load_state_dict(before)
    assert clock.images_per_second == pytest.approx(2.0)
    clock.on_train_start(fit(toy(), epochs=1), toy())
    clock.images_seen += 6000
    assert clock.images_per_second == pytest.approx(4.0, rel=0.01)
    assert clock.live_images_per_second > 100
    speed = clock.images_seen / (clock.train_seconds - clock.validation_seconds)
    assert clock.images_per_second == pytest.approx(speed, rel=0.01)


def test_an_interrupted_validation_is_no_training(monkeypatch: pytest.MonkeyPatch, fit, toy) -> None:
    now, trainer, model = [0.0], fit(toy(), epochs=1), toy()
    monkeypatch.setattr("atelier.callback.clock.time.monotonic", lambda: now[0])
    clock = Clock()
    clock.on_train_start(trainer, model)
    clock.images_seen, now[0] = 80, 10.0
    clock.on_validation_start(trainer, model)
    now[0] = 40.0
    assert clock.state_dict()["validation_seconds"] == 30
    clock.on_exception(trainer, model, KeyboardInterrupt())
    now[0] = 100.0
    assert (clock.train_seconds, clock.validation_seconds, clock.images_per_second) == (40, 30, 8)


def test_memory_is_that_of_this_process(fit, toy) -> None:
    assert 50e6 < peak_memory_bytes(fit(toy(), epochs=1).strategy.root_device) < 50e9
