from __future__ import annotations

import json

import pytest
import torch
from pytorch_lightning.callbacks import EarlyStopping

from atelier.callback.scoreboard import Scoreboard
from atelier.metric.frechet import FrechetDistance
from atelier.metric.kernel import KernelDistance
from atelier.metric.neighbours import DensityCoverage, PrecisionRecall
from atelier.pixels import to_bytes
from atelier.types import Mistake


def test_figures_equal_the_direct_computation(fit, toy, pictures, scoreboard) -> None:
    module, data = toy(), pictures()
    fit(module, scoreboard, data=data, epochs=1)
    fakes = module.offset(0) + module._fakes(torch.arange(24))
    real = scoreboard.extractor(data.images["test"])
    fake = scoreboard.extractor(to_bytes(fakes))
    other = scoreboard.extractor(data.images["train"][:24])
    expected = (real.features.mean(0) - fake.features.mean(0)).norm().item()
    result = scoreboard.results()["val/distance_pixels"]
    assert result["last"] == pytest.approx(expected, rel=1e-6)
    assert result["floor"] == pytest.approx((real.features.mean(0) - other.features.mean(0)).norm().item(), rel=1e-6)


def test_figures_do_not_depend_on_the_batch_size(fit, toy, pictures, pixels) -> None:
    taken = []
    for size in (24, 7, 2):
        scoreboard = Scoreboard(pixels(), {"frechet": FrechetDistance()})
        fit(toy(), scoreboard, data=pictures(eval_batch_size=size), epochs=1)
        taken.append(scoreboard.results()["val/fd_pixels"]["last"])
    assert taken == pytest.approx([taken[0]] * 3, rel=1e-5)


def test_best_and_its_epoch(fit, toy, scoreboard) -> None:
    offsets = [0.8, 0.1, 0.4]
    fit(toy(offsets.__getitem__), scoreboard, epochs=3)
    results = scoreboard.results()
    assert scoreboard.history.primary == "val/distance_pixels"
    for name in ("val/distance_pixels", "val/closeness_pixels"):
        assert results[name]["best_epoch"] == 2
    distance, closeness = results["val/distance_pixels"], results["val/closeness_pixels"]
    assert distance["best"] == -closeness["best"] < distance["last"]


def test_protocol_says_what_the_figure_is(fit, toy, scoreboard) -> None:
    fit(toy(), scoreboard, epochs=1)
    protocol = scoreboard.results()["val/distance_pixels"]["protocol"]
    assert protocol == {
        "extractor": "pixels",
        "identity": "quarters",
        "features": 4,
        "resize": "none",
        "real": 24,
        "fake": 24,
        "ema": True,
        "seed": 0,
    }
    json.dumps(scoreboard.state_dict())


def test_a_scores_own_numbers_stand_in_its_protocol_alone(fit, toy, pixels) -> None:
    scores = {
        "frechet": FrechetDistance(),
        "kernel": KernelDistance(subsets=3, subset_size=8, seed=0),
        "neighbours": PrecisionRecall(k=2),
        "density": DensityCoverage(k=4),
    }
    board = Scoreboard(pixels(), scores)
    fit(toy(), board, epochs=1)
    common = board.results()["val/fd_pixels"]["protocol"]
    own = {name: told["protocol"].items() - common.items() for name, told in board.results().items()}
    assert own == {
        "val/fd_pixels": set(),
        "val/kid_pixels": {("subsets", 3), ("subset_size", 8)},
        "val/precision_pixels": {("k", 2)},
        "val/recall_pixels": {("k", 2)},
        "val/density_pixels": {("k", 4)},
        "val/coverage_pixels": {("k", 4)},
    }


def test_too_few_images_are_flagged(fit, toy, scoreboard) -> None:
    scoreboard.extractor.num_features = 16
    fit(toy(), scoreboard, epochs=1)
    assert "only 24 images for 16 features" in scoreboard.results()["val/distance_pixels"]["protocol"]["warning"]


def test_no_floor_where_the_other_split_is_too_small(fit, toy, pictures, scoreboard) -> None:
    data = pictures()
    data.images["train"] = data.images["train"][:16]
    fit(toy(), scoreboard, data=data, epochs=1)
    assert scoreboard.results()["val/distance_pixels"]["floor"] is None


def test_a_floor_that_cannot_be_read_is_warned_of_and_costs_no_score(fit, toy, pictures, scoreboard, caplog) -> None:
    data = pictures()
    reals = data.reals

    def broken(split, *rest, **options):
        if split == "train":
            raise Mistake("train/7.png cannot be read now")
        return reals(split, *rest, **options)

    data.reals = broken
    fit(toy(), scoreboard, data=data, epochs=1)
    assert scoreboard.results()["val/distance_pixels"]["floor"] is None
    assert "scores have no floor: train/7.png cannot be read now" in caplog.text


def test_extractor_is_prepared_before_training_and_its_complaint_ends_it(fit, toy, scoreboard) -> None:
    def missing() -> None:
        raise Mistake("weights cannot be had")

    scoreboard.extractor.prepare = missing
    module = toy()
    with pytest.raises(Mistake, match="cannot be had"):
        fit(module, scoreboard)
    assert module.ledger.close() == {}


def test_real_features_are_computed_once(fit, toy, scoreboard) -> None:
    looked = []
    look = scoreboard.extractor.look
    scoreboard.extractor.look = lambda images: looked.append(len(images)) or look(images)
    fit(toy(), scoreboard, epochs=3)
    assert sum(looked) == 3 * 24 + 2 * 24


def test_lightning_can_stop_on_a_figure(fit, toy, scoreboard) -> None:
    stopper = EarlyStopping(monitor="val/distance_pixels", patience=1)
    trainer = fit(toy(lambda epoch: 0.1 * epoch), scoreboard, stopper, epochs=9)
    assert trainer.current_epoch < 9


def test_figures_survive_a_checkpoint(fit, toy, scoreboard) -> None:
    fit(toy(), scoreboard, epochs=2)
    again = Scoreboard(scoreboard.extractor, scoreboard.scores)
    again.load_state_dict(json.loads(json.dumps(scoreboard.state_dict())))
    assert again.results() == scoreboard.results()


def test_a_score_can_be_left_out() -> None:
    with pytest.raises(Mistake, match="at least one score"):
        Scoreboard(torch.nn.Identity(), {"frechet": None})
