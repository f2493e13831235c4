from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from atelier.callback import monitor as module
from atelier.callback.monitor import Monitor, spread
from atelier.callback.recorder import Row
from atelier.types import Mistake

TRAINER: Any = SimpleNamespace(default_root_dir="nowhere")


def monitor() -> Monitor:
    return Monitor(spread=0.05, certainty=0.99, patience=3)


def rows(*accuracies: float) -> list[Row]:
    return [
        Row("train", n, n, float(n), {"d/accuracy_real": accuracy, "d/accuracy_fake": 1.0})
        for n, accuracy in enumerate(accuracies)
    ]


def test_constant_fakes_are_reported_once(
    fit, toy, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STARTED", 0)
    watcher = monitor()
    with caplog.at_level(logging.WARNING, logger="atelier"):
        fit(toy(alike=True), watcher, epochs=3)
    said = [record.message for record in caplog.records if record.name.startswith("atelier")]
    assert said == watcher.warnings
    assert len(watcher.warnings) == 1
    assert "nearly alike" in watcher.warnings[0]
    assert "What usually helps" in watcher.warnings[0]


def test_a_generator_that_has_hardly_begun_is_left_in_peace(fit, toy) -> None:
    watcher = monitor()
    fit(toy(alike=True), watcher, epochs=2)
    assert watcher.warnings == []


def test_diverse_fakes_are_left_in_peace(fit, toy) -> None:
    watcher = monitor()
    fit(toy(), watcher, epochs=3)
    assert watcher.warnings == []


def test_a_faultless_discriminator_is_reported_once_and_only_after_a_while() -> None:
    watcher = monitor()
    for row in rows(1.0, 1.0, 0.9, 1.0, 1.0):
        watcher.hear(TRAINER, row)
    assert watcher.warnings == []
    for row in rows(1.0, 1.0, 0.5, 1.0, 1.0, 1.0):
        watcher.hear(TRAINER, row)
    assert len(watcher.warnings) == 1
    assert "discriminator" in watcher.warnings[0]


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        (["model=dcgan"], set()),
        (["model=dcgan", "regularizer=gradient_penalty", "model.critic.network.norm=null"], {"regularizer=r1"}),
        (["experiment=dcgan_digits"], {"regularizer=r1", "augment=diffaugment"}),
    ],
)
def test_what_a_run_has_already_is_no_advice(
    words: list[str], left_out: set[str], composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    cfg = composed(*words)
    cfg.run_dir = str(tmp_path)
    OmegaConf.save(cfg, tmp_path / "config.yaml", resolve=True)
    watcher, trainer = monitor(), SimpleNamespace(default_root_dir=str(tmp_path))
    for row in rows(1.0, 1.0, 1.0):
        watcher.hear(trainer, row)
    [said] = watcher.warnings
    assert "a smaller learning rate for the discriminator" in said
    assert {way for way in ("regularizer=r1", "augment=diffaugment") if way not in said} == left_out


def test_what_was_said_is_not_said_again_after_a_resume() -> None:
    first, second = monitor(), monitor()
    for row in rows(1.0, 1.0, 1.0):
        first.hear(TRAINER, row)
    second.load_state_dict(first.state_dict())
    for row in rows(1.0, 1.0, 1.0):
        second.hear(TRAINER, row)
    assert second.warnings == first.warnings


def test_spread_is_the_mean_pairwise_distance_in_other_words() -> None:
    images = torch.randn(6, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    pairs = [(a - b).square().mean() for i, a in enumerate(images) for b in images[i + 1 :]]
    assert torch.stack(pairs).mean().item() == pytest.approx(2 * 6 / 5 * spread(images).item() ** 2, rel=1e-5)


@pytest.mark.parametrize("wrong", [{"spread": 1.5}, {"certainty": 0.0}, {"patience": 0}])
def test_wrong_numbers_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(Mistake, match=f"callback.monitor.{next(iter(wrong))}="):
        Monitor(**({"spread": 0.1, "certainty": 0.9, "patience": 2} | wrong))
