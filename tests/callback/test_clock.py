from __future__ import annotations

import time

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


def test_memory_is_that_of_this_process(fit, toy) -> None:
    assert 50e6 < peak_memory_bytes(fit(toy(), epochs=1).strategy.root_device) < 50e9
