"""Weights & Biases, on disk alone: what a run leaves there."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from atelier.callback.wandb_logger import WandbLogger
from atelier.cli import run
from atelier.config.secrecy import masked, without_secrets
from atelier.model.gan import GAN
from atelier.task.dashboard_sections import FAMILIES, Part
from atelier.types import Mistake
from wandb_file import Logged, only_segment, segments

KEY = "f" * 40
SMALL = [
    "trainer=cpu",
    "trainer.max_epochs=1",
    "trainer.check_val_every_n_epoch=1",
    "logger=wandb",
    "callback.report=null",
]
RUNS = {
    "gan": ["model=dcgan", "data=digits", "data.subset=60", "data.batch_size=30", "model.generator.width=4"],
    "cyclegan": [
        "model=cyclegan",
        "data=stripes",
        "generator=resnet_6blocks",
        "generator.width=4",
        "discriminator.width=4",
        "trainer.limit_train_batches=2",
        "trainer.limit_val_batches=2",
    ],
    "autoencoder": ["model=autoencoder", "data=digits", "data.subset=60", "data.batch_size=30"],
}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two jobs in one process, whose key nobody should find again."""
    folder = tmp_path_factory.mktemp("wandb") / "seeds"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        patch.setenv("WANDB_API_KEY", KEY)
        words = ["-m", "hydra/launcher=basic", f"hydra.sweep.dir={folder}", "seed=1,2", "logger.wandb.log_model=all"]
        assert run("train", [*RUNS["gan"], *SMALL, *words]) == 0
    return folder


@pytest.mark.thorough
def test_two_jobs_of_a_sweep_are_two_runs_of_one_group(sweep: Path) -> None:
    first, second = only_segment(sweep / "0"), only_segment(sweep / "1")
    assert first.run.run_id != second.run.run_id
    assert [job.config["seed"] for job in (first, second)] == [1, 2]
    for job in (first, second):
        assert (job.run.project, job.run.run_group, job.run.job_type) == ("atelier", "seeds", "train")
        assert list(job.run.tags) == ["gan", "dcgan", "digits"]
        assert job.kinds["exit"] == 1


def test_a_run_holds_configuration_curves_scores_and_samples(sweep: Path) -> None:
    job = only_segment(sweep / "0")
    assert (job.config["family"], job.config["data"]["batch_size"]) == ("gan", 30)
    losses = [row for row in job.history if "d/loss" in row]
    assert losses
    assert all({"g/loss", "epoch", "images_seen"} <= row.keys() for row in losses)
    (scores,) = [row for row in job.history if "val/fd_digits" in row]
    assert (scores["epoch"], scores["images_seen"]) == (1, 60)
    assert job.summary["val/fd_digits"] == {"min": scores["val/fd_digits"], "last": scores["val/fd_digits"]}
    assert job.summary["val/precision_digits"].keys() == {"max", "last"}
    assert job.config["protocol"]["val/fd_digits"]["extractor"] == "digits"
    assert job.metrics["val/fd_digits"].step_metric == "images_seen"
    pictures = [row for row in job.history if "samples.captions" in row]
    assert [row["samples.captions"] for row in pictures] == [
        ["Samples from latents that stay the same. Epoch 0, 0 images seen."],
        ["Samples from latents that stay the same. Epoch 1, 60 images seen."],
    ]
    for row in pictures:
        (name,) = row["samples.filenames"]
        assert (segments(sweep / "0")[0].parent / "files" / name).stat().st_size > 100


@pytest.mark.slow
def test_a_run_that_goes_on_is_a_further_segment_of_the_same_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    words = [word for word in [*RUNS["gan"], *SMALL] if word != "callback.report=null"]
    assert run("train", [*words, "hydra.run.dir=run"]) == 0
    wandb.teardown()
    (first,) = segments(tmp_path / "run")
    assert run("train", ["resume=run", "trainer.max_epochs=2"]) == 0
    wandb.teardown()
    (second,) = (file for file in segments(tmp_path / "run") if file != first)
    before, after = Logged(first), Logged(second)
    assert before.run.run_id == after.run.run_id
    images = [[row["images_seen"] for row in job.history] for job in (before, after)]
    assert max(images[0]) == 60 < min(images[1]) and max(images[1]) == 120
    assert after.config["trainer"]["max_epochs"] == 2
    assert (tmp_path / "run" / "report.html").exists()
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]


def test_a_key_among_the_words_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for word in (f"+logger.wandb.api_key={KEY}", f"logger.wandb.api_key={KEY}"):
        assert run("train", [*RUNS["gan"], "logger=wandb", word]) == 2
        said = capfd.readouterr()
        assert "api_key" in said.err and KEY not in said.err + said.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_service_dies_and_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What writes the segment is a process of its own."""
    monkeypatch.chdir(tmp_path)
    train, killed = GAN.training_step, []

    def step(model: Any, batch: Any, index: int) -> Any:
        if batch.step == 1:
            killed.extend(_services())
            for process in killed:
                os.kill(process, signal.SIGKILL)
        return train(model, batch, index)

    monkeypatch.setattr(GAN, "training_step", step)
    began = time.monotonic()
    assert run("train", [*RUNS["gan"], *SMALL, "trainer.max_epochs=3", "hydra.run.dir=run"]) == 0
    assert killed and time.monotonic() - began < 100
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    assert (results["status"], results["epochs"]) == ("finished", 3)
    assert "Traceback" not in (tmp_path / "run" / "train.log").read_text(encoding="utf-8")
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert run("train", [*RUNS["gan"], *SMALL, "hydra.run.dir=next"]) == 0
    assert only_segment(tmp_path / "next").history != []


def _services() -> list[int]:
    """Processes of ours that are wandb's."""
    children = (task / "children" for task in Path("/proc/self/task").iterdir())
    numbers = [int(number) for file in children for number in file.read_text().split()]
    return [number for number in numbers if b"wandb" in Path(f"/proc/{number}/cmdline").read_bytes()]


def test_checkpoints_are_artifacts_by_one_word(sweep: Path) -> None:
    job = only_segment(sweep / "0")
    assert sorted(artifact.name.partition("-")[2] for artifact in job.artifacts) == ["best", "last"]
    assert {artifact.type for artifact in job.artifacts} == {"model"}


def test_no_file_holds_the_key(sweep: Path) -> None:
    for file in sweep.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    "family", ["gan", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cyclegan", "autoencoder"))]
)
def test_a_workspace_shows_names_that_runs_of_its_family_log(
    family: str, sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sweep / "0"
    if family != "gan":
        monkeypatch.chdir(tmp_path)
        folder = tmp_path / "run"
        assert run("train", [*RUNS[family], *SMALL, f"hydra.run.dir={folder}"]) == 0
    job = only_segment(folder)
    assert job.config["family"] == family
    names = {name.removesuffix("._type") for name in job.names()}
    assert _absent(FAMILIES[family], names) == []


def _absent(parts: tuple[Part, ...], names: set[str]) -> list[str]:
    """What is shown and not there. Which scores there are is the configuration's (see test_dashboard.py)."""
    others = [part for part in parts if part.title != "Scores"]
    shown = {name for part in others for name in [*part.pictures, *(name for p in part.panels for name in p.names)]}
    patterns = [panel.pattern for part in others for panel in part.panels if panel.pattern is not None]
    return sorted(shown - names) + [
        pattern for pattern in patterns if not any(re.search(pattern, name) for name in names)
    ]


def test_secrets_do_not_leave() -> None:
    config: dict[str, Any] = {"api_key": "x", "a": [{"hubToken": "x"}], "tokens": 3, "token": 4, "key": "k"}
    config["url"] = "https://user:pass@host/x"
    assert without_secrets(config) == {
        "api_key": "(secret)",
        "a": [{"hubToken": "(secret)"}],
        "url": "https://host/x",
        "tokens": 3,
        "token": 4,
        "key": "k",
    }
    said = "+logger.wandb.hubToken=abc: nothing; data.urls=https://me:word@host/x: nothing"
    assert masked(said) == "+logger.wandb.hubToken=(secret): nothing; data.urls=https://(secret)@host/x: nothing"


def test_wrong_words_are_named(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="log_model=some: there is none, best and all"):
        WandbLogger(str(tmp_path), "atelier", log_model="some")  # type: ignore[arg-type]  # the mistake to be told
    with pytest.raises(Mistake, match="patience=0"):
        WandbLogger(str(tmp_path), "atelier", patience=0)
