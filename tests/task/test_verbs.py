"""The verbs from end to end, in one process, in a folder of their own."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from atelier.checkpoint import load, read
from atelier.cli import run
from atelier.task import train as train_task
from atelier.task.score_samples import classes_of_fakes
from atelier.types import ImageBatch, Mistake
from tiny import SMALL

TINY = [*SMALL, "trainer.max_epochs=1", "data.subset=64", "data.batch_size=32"]
# A run's pictures, page and scores cost more than its training; where they do not matter, it goes without.
BARE = [*TINY, "callback.scoreboard=null", "callback.gallery=null", "callback.report=null", "callback.monitor=null"]

Run = Callable[..., int]


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# --- what a run leaves


def test_a_run_folder_holds_what_was_promised(trained: Path) -> None:
    files = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    promised = {"config.yaml", "overrides.yaml", "metrics.csv", "results.json", "report.html"}
    assert promised | {"checkpoints/last.ckpt", "checkpoints/best.ckpt"} <= files
    assert any(name.startswith("samples/") and name.endswith(".png") for name in files)
    assert not [name for name in files if "tmp" in name]
    assert (trained / "report.html").stat().st_size < 10e6


def test_results_json_keeps_its_contract(trained: Path) -> None:
    results = _json(trained / "results.json")
    assert (results["model"], results["data"], results["seed"], results["status"]) == ("dcgan", "digits", 0, "finished")
    assert (results["epochs"], results["images_seen"]) == (2, 720)
    for name in ("train_seconds", "images_per_second", "peak_memory_bytes"):
        assert results[name] > 0
    assert torch.__version__.startswith(results["environment"]["torch"])
    assert next(iter(results["scores"])) == "val/fd_digits"
    for name, score in results["scores"].items():
        assert name.startswith("val/")
        assert {"last", "best", "best_epoch", "floor", "protocol"} <= score.keys()
        protocol = score["protocol"]
        assert {"extractor", "resize", "real", "fake", "ema", "seed"} <= protocol.keys()
        assert (protocol["real"], protocol["fake"], protocol["ema"]) == (355, 355, True)
        higher = score["higher_is_better"]
        assert higher is None or (score["best"] >= score["last"]) is higher or score["best"] == score["last"]


def test_metrics_csv_has_a_row_per_moment(trained: Path) -> None:
    rows = _rows(trained)
    assert list(rows[0])[:2] == ["epoch", "images_seen"]
    assert {"d/loss", "g/loss", "d/adversarial", "value", "val/fd_digits"} <= rows[0].keys()
    scored = [row for row in rows if row["val/fd_digits"]]
    assert [(float(row["epoch"]), int(row["images_seen"])) for row in scored] == [(1, 360), (2, 720)]
    last = _json(trained / "results.json")["scores"]["val/fd_digits"]["last"]
    assert float(scored[-1]["val/fd_digits"]) == pytest.approx(last)


def test_the_configuration_is_kept_resolved_and_the_words_beside_it(trained: Path) -> None:
    text = (trained / "config.yaml").read_text(encoding="utf-8")
    cfg: Any = OmegaConf.create(text)
    assert "${" not in text
    assert (cfg.model.generator.width, cfg.model.generator.channels, cfg.run_dir) == (4, 1, str(trained))
    words: Any = OmegaConf.load(trained / "overrides.yaml")
    assert "model.generator.width=4" in words
    assert not [word for word in words if word.startswith("hydra")]


# --- evaluate, sample, extractor


def _agrees_with_training(folder: Path, here: Path) -> None:
    last = folder / "checkpoints" / "last.ckpt"
    assert run("evaluate", [f"ckpt={last}", "hydra.run.dir=scored", "batch_size=100"]) == 0
    trained_scores, scores = (_json(each / "results.json")["scores"] for each in (folder, here / "scored"))
    figures = {name.removeprefix("val/"): score for name, score in trained_scores.items()}
    assert {name.removeprefix("val/") for name in scores} == set(figures)
    for name, score in scores.items():
        other = figures[name.removeprefix("val/")]
        assert score["value"] == pytest.approx(other["last"], rel=1e-5, abs=1e-7), name
        assert score["floor"] == pytest.approx(other["floor"], rel=1e-5, abs=1e-7), name
        assert {key: score["protocol"][key] for key in other["protocol"]} == other["protocol"]


def test_evaluate_agrees_with_training(trained: Path, here: Path) -> None:
    _agrees_with_training(trained, here)


def test_fakes_of_a_conditional_model_have_the_classes_of_the_reals(here: Path) -> None:
    words = ["condition=label", "data.subset=null", "model.ema=null", "callback.gallery=null"]
    assert run("train", [*TINY, *words, "hydra.run.dir=run"]) == 0
    _agrees_with_training(here / "run", here)
    assert run("evaluate", ["ckpt=run", "samples=100", "hydra.run.dir=fewer"]) == 0


@pytest.mark.parametrize("count", [3, 12, 36])
def test_classes_are_as_frequent_as_among_the_reals(count: int) -> None:
    """Also where the reals lie class by class, and for any number of fakes."""
    labels = torch.tensor([0] * 4 + [1] * 4 + [2] * 4)
    batches = [ImageBatch(torch.empty(6, 1, 1, 1), torch.arange(6), part, 0, 0.0) for part in labels.split(6)]
    data: Any = SimpleNamespace(reals=lambda split, batch_size: iter(batches))
    cfg = OmegaConf.create({"split": "test", "batch_size": 6})
    classes = classes_of_fakes(SimpleNamespace(num_classes=3), data, cfg, count)
    assert classes is not None and classes.bincount().tolist() == [count // 3] * 3
    assert classes_of_fakes(SimpleNamespace(num_classes=None), data, cfg, count) is None
    batches[1] = batches[1]._replace(labels=None)
    with pytest.raises(Mistake, match=r"split=test: .* some of these images have none"):
        classes_of_fakes(SimpleNamespace(num_classes=3), data, cfg, count)


def test_evaluate_with_another_split_number_and_extractor(trained: Path, here: Path) -> None:
    words = [f"ckpt={trained}", "split=train", "samples=80", "extractor=mnist", "hydra.run.dir=scored"]
    assert run("evaluate", words) == 0
    results = _json(here / "scored" / "results.json")
    assert results["checkpoint"] == str(trained / "checkpoints" / "best.ckpt")
    protocol = results["scores"]["fd_mnist"]["protocol"]
    assert (protocol["fake"], protocol["split"]) == (80, "train")


def test_samples_that_nothing_could_be_compared_by_are_refused(trained: Path, here: Path, capsys) -> None:
    assert run("evaluate", [f"ckpt={trained}", "extractor=none", "hydra.run.dir=scored"]) == 2
    assert "extractor=none: samples are compared with reals by features" in capsys.readouterr().err
    scores = ("frechet", "kernel", "inception_score", "precision_recall", "density_coverage")
    words = ["metric=generation", *(f"metric.{name}=null" for name in scores)]
    assert run("evaluate", [f"ckpt={trained}", *words, "hydra.run.dir=scored"]) == 2
    assert "metric: every score is left out" in capsys.readouterr().err
    assert not (here / "scored").exists()


def test_sample_writes_pictures_and_a_grid(trained: Path, here: Path) -> None:
    assert run("sample", [f"ckpt={trained}", "samples=11", "batch_size=4", "seed=3", "hydra.run.dir=some"]) == 0
    files = sorted(path.name for path in (here / "some").iterdir() if path.suffix == ".png")
    assert files == [*(f"{number:02d}.png" for number in range(11)), "grid.png"]
    model: Any = load(trained).model
    expected = model.sample(11, seed=3)[7, 0]
    with Image.open(here / "some" / "07.png") as picture:
        assert (picture.size, picture.mode) == ((32, 32), "L")
        pixels = torch.tensor(list(picture.get_flattened_data())).view(32, 32)
    assert ((pixels / 127.5 - 1) - expected).abs().max() <= 1.01 / 127.5


def test_sample_walks(trained: Path, here: Path) -> None:
    assert run("sample", [f"ckpt={trained}", "rows=2", "steps=3", "hydra.run.dir=walks"]) == 0
    assert [path.name for path in (here / "walks").iterdir() if path.suffix == ".png"] == ["walks.png"]


def test_an_extractor_of_ones_own_scores_a_run(trained: Path, here: Path) -> None:
    assert run("extractor", ["data=digits", "data.subset=64", "epochs=1", "hydra.run.dir=made"]) == 0
    (weights,) = (here / "made").glob("digits_*.pt")
    told = (here / "made" / "extractor.log").read_text(encoding="utf-8").splitlines()[-1]
    assert f" train data=digits data.subset=64 extractor=classifier extractor.weights={weights}" in told
    words = [f"ckpt={trained}", "extractor=classifier", f"extractor.weights={weights}", "hydra.run.dir=scored"]
    assert run("evaluate", [*words, "samples=50"]) == 0
    assert f"fd_{weights.stem}" in _json(here / "scored" / "results.json")["scores"]


# --- folders, sweeps, endings


def test_two_runs_in_one_second_get_two_folders(here: Path) -> None:
    assert [run("train", BARE) for _ in range(2)] == [0, 0]
    assert not [handler for handler in logging.root.handlers if isinstance(handler, logging.FileHandler)]
    assert len(list((here / "outputs" / "dcgan-digits").iterdir())) == 2


def test_a_sweep_trains_its_jobs(here: Path) -> None:
    assert run("train", ["-m", "seed=1,2", "hydra/launcher=basic", *BARE]) == 0
    (sweep,) = (here / "outputs" / "sweeps").iterdir()
    seeds = {job: OmegaConf.load(sweep / job / "config.yaml").seed for job in ("0", "1")}  # type: ignore[union-attr]  # a mapping
    assert seeds == {"0": 1, "1": 2}
    first, second = (read(sweep / job)["state_dict"] for job in ("0", "1"))
    assert not torch.equal(first["generator.layers.0.weight"], second["generator.layers.0.weight"])


def test_a_failing_job_is_reported_and_the_others_go_on(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fit = train_task.run

    def fail_once(cfg: Any) -> Any:
        if cfg.seed == 1:
            raise Mistake("this one cannot be")
        return fit(cfg)

    monkeypatch.setattr(train_task, "run", fail_once)
    status = run("train", ["-m", "seed=1,2", "hydra/launcher=basic", *BARE])
    said = capfd.readouterr().err
    assert status == 1
    assert "this one cannot be" in said
    assert "Traceback" not in said
    (sweep,) = (here / "outputs" / "sweeps").iterdir()
    assert (sweep / "1" / "checkpoints" / "last.ckpt").is_file()


def test_a_mistake_found_late_ends_with_2_and_its_text(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(cfg: Any) -> None:
        raise Mistake("too late, but said plainly")

    monkeypatch.setattr(train_task, "run", refuse)
    assert run("train", BARE) == 2
    assert capfd.readouterr().err.splitlines()[-1] == "atelier: too late, but said plainly"


def test_time_that_is_up_ends_in_order(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = [*TINY, "trainer.max_epochs=100000", "trainer.check_val_every_n_epoch=100000", "hydra.run.dir=short"]
    assert run("train", [*words, "trainer.max_time=00:00:00:02"]) == 0
    folder = here / "short"
    results = _json(folder / "results.json")
    assert results["status"] == "finished"
    assert 0 < results["epochs"] < 100000
    assert (folder / "report.html").is_file()
    content = read(folder / "checkpoints" / "last.ckpt")
    assert content["epoch"] + 1 >= int(results["epochs"])
    said = capfd.readouterr().out
    assert "Ended       trainer.max_time is up, 100000 epochs were asked for, before the first validation" in said
    assert "resume=short trainer.max_time=null\n" in said


def test_ctrl_c_ends_with_130_and_keeps_what_there_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from atelier.model.gan import GAN

    step = GAN.training_step

    def interrupted(self: GAN, batch: Any, batch_idx: int) -> None:
        if batch.step == 3:
            raise KeyboardInterrupt
        step(self, batch, batch_idx)

    monkeypatch.setattr(GAN, "training_step", interrupted)
    assert run("train", [*TINY, "trainer.max_epochs=5", "hydra.run.dir=stopped"]) == 130
    assert _json(here / "stopped" / "results.json")["status"] == "stopped"
    assert read(here / "stopped" / "checkpoints" / "last.ckpt")["epoch"] == 0


def test_a_diverged_run_says_so_and_ends_with_1(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = [*TINY, "model=gan", "trainer.max_epochs=3", "model.generator_optimizer.lr=1e30", "hydra.run.dir=lost"]
    assert run("train", words) == 1
    said = capfd.readouterr().err
    assert "not finite" in said
    assert "Traceback" not in said
    assert _json(here / "lost" / "results.json")["status"].startswith("failed")


def test_init_from_starts_at_the_weights_of_another_run(trained: Path, here: Path) -> None:
    words = [*BARE, "data.classes=[3]", "model.generator_optimizer.lr=0.0", "seed=5", "hydra.run.dir=tuned"]
    assert run("train", [*words, f"init_from={trained}"]) == 0
    before, after = read(trained)["state_dict"], read(here / "tuned")["state_dict"]
    for name, value in before.items():
        if name.startswith(("generator", "critic")) and name.endswith("weight"):
            assert torch.equal(after[name], value), name


def test_init_from_other_networks_is_refused_by_name(
    trained: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*BARE, f"init_from={trained}", "model.generator.width=8"]
    assert run("train", words) == 2
    said = capfd.readouterr().err
    assert "init_from=" in said
    assert "generator.layers" in said
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("limits", [["trainer.limit_val_batches=0"], ["trainer.limit_train_batches=1"]])
def test_parts_of_the_loops_can_be_left_out(limits: list[str], here: Path) -> None:
    assert run("train", [*TINY, *limits, "hydra.run.dir=part"]) == 0
    assert (here / "part" / "checkpoints" / "last.ckpt").is_file()


def test_loggers_beside_metrics_csv(here: Path) -> None:
    words = [*BARE, "logger=[csv,tensorboard,wandb]", "hydra.run.dir=logged"]
    assert run("train", words) == 0
    assert _rows(here / "logged")
    assert list((here / "logged" / "tensorboard").rglob("events.out*"))
    assert list((here / "logged" / "wandb").glob("offline-run-*"))
    assert sorted(path.name for path in here.iterdir()) == ["logged"]
