from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from omegaconf import DictConfig

from atelier.config.build import build
from atelier.config.dry_run import dry_run

Compose = Callable[..., DictConfig]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.generator_optimizer.lr=-1"], "model.generator_optimizer.lr=-1: Invalid learning rate"),
        (["model.generator_optimizer.betas=[0.5,1.5]"], "model.generator_optimizer.betas=[0.5, 1.5]: Invalid beta"),
        (["model.ema.decay=1.5"], "model.ema.decay=1.5: "),
        (["data.image_size=33"], "data.image_size=33: DCGAN"),
        (["model=sngan", "data=mnist"], "data.image_size=28: SNGAN"),
        (["trainer.max_time=1h"], "trainer.max_time=1h: "),
        (["trainer.devices=0"], "trainer.devices=0: "),
        (["trainer.precision=17"], "trainer.precision=17: "),
        (["regularizer=r1", "regularizer.gamma=-2"], "regularizer.gamma=-2"),
        (["data.batch_size=0"], "data.batch_size=0: must be 1 or more"),
        (["metric.kernel.subsets=0"], "metric.kernel.subsets=0: "),
        (["metric.kernel.subset_size=1"], "metric.kernel.subset_size=1: "),
        (["metric.precision_recall.k=0"], "metric.precision_recall.k=0: "),
        (["metric.density_coverage.k=0"], "metric.density_coverage.k=0: "),
        (["metric.inception_score.splits=0"], "metric.inception_score.splits=0: "),
        (["callback.gallery.walks=0"], "callback.gallery.walks=0: "),
        (["callback.gallery.steps=1"], "callback.gallery.steps=1: "),
    ],
)
def test_the_refused_option_is_named_once_and_as_it_is_typed(words: list[str], said: str, composed: Compose) -> None:
    mistakes = dry_run(composed(*words))
    assert len(mistakes) == 1
    assert mistakes[0].startswith(said)


def test_a_name_that_begins_another_hides_no_mistake(composed: Compose) -> None:
    words = ["model.generator.width=0", "model.generator_optimizer.lr=-1"]
    alone = [mistake for word in words for mistake in dry_run(composed(word))]
    assert len(alone) == 2
    assert sorted(dry_run(composed(*words))) == sorted(alone)


def test_a_rehearsal_leaves_no_trace(composed: Compose) -> None:
    before = torch.get_rng_state()
    assert dry_run(composed()) == []
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.empty(1).device.type == "cpu"


def test_loggers_wait_for_the_runs_folder(composed: Compose) -> None:
    assert dry_run(composed("logger=[csv,wandb,tensorboard]")) == []


@pytest.mark.parametrize("betas", ["[0,0.9]", "[0, 0]", "[0.5,0.9]"])
def test_whole_numbers_among_betas_are_numbers(betas: str, composed: Compose) -> None:
    cfg = composed(f"model.generator_optimizer.betas={betas}")
    assert dry_run(cfg) == []
    optimizer = build(cfg.model.generator_optimizer)([torch.nn.Parameter(torch.zeros(1))])
    assert optimizer.defaults["betas"] == tuple(map(float, cfg.model.generator_optimizer.betas))
