"""Runs in a world that fails around them: loggers, workers, folders, clocks."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytorch_lightning import Trainer
from pytorch_lightning.loggers.logger import DummyLogger, Logger
from pytorch_lightning.loggers.tensorboard import TensorBoardLogger

from atelier.callback.clock import Clock
from atelier.callback.embed import embed
from atelier.callback.journal import read_journal
from atelier.callback.recorder import tell
from atelier.cli import run
from atelier.model.gan import GAN
from atelier.task import evaluate
from tiny import SMALL

pytestmark = pytest.mark.thorough

TINY = (*SMALL, "trainer.max_epochs=1", "trainer.check_val_every_n_epoch=1", "data.subset=180", "data.batch_size=60")
SRC = Path(__file__).parents[2] / "src"
QUIET = (*TINY, "callback.report=null", "callback.scoreboard=null", "hydra.run.dir=run")


def at_step(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Let ``act`` happen before the batch of that number is trained."""
    train = GAN.training_step

    def step(model: Any, batch: Any, index: int) -> Any:
        if batch.step == number:
            act()
        return train(model, batch, index)

    monkeypatch.setattr(GAN, "training_step", step)


def results(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return content


def fail(*given: object, **named: object) -> None:
    raise BrokenPipeError("the other side\nis gone")


def test_a_logger_that_dies_is_left_behind(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("log_hyperparams", "save", "finalize"):
        monkeypatch.setattr(TensorBoardLogger, name, fail)
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter.add_image", fail)  # pictures go straight to it
    assert run("train", [*TINY, "callback.report=null", "logger=tensorboard", "hydra.run.dir=run"]) == 0
    assert results(here / "run")["status"] == "finished"
    assert (here / "run" / "metrics.csv").read_text().count("\n") > 2
    said = (here / "run" / "train.log").read_text()
    failed = "TensorBoardLogger failed (BrokenPipeError: the other side is gone); "
    assert f"{failed}the run goes on" in said
    assert said.count(f"{failed}training goes on without it") == 1


def test_curves_go_to_the_loggers_that_are_left(caplog: pytest.LogCaptureFixture) -> None:
    broken, whole = DummyLogger(), DummyLogger()
    heard: list[Logger] = []

    def hand(logger: Logger) -> None:
        heard.append(logger)
        if logger is broken:
            fail()

    trainer = Trainer(logger=[broken, whole], accelerator="cpu", enable_progress_bar=False, enable_model_summary=False)
    tell(trainer, hand)
    tell(trainer, hand)
    assert heard == [broken, whole, whole]
    assert caplog.text.count("DummyLogger failed (BrokenPipeError: the other side is gone)") == 1


def test_a_logger_whose_library_is_missing_is_named_before_there_is_a_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name.startswith("tensorboard") else found(name, package)

    monkeypatch.setattr("atelier.task.lenient_loggers.find_spec", without)
    assert run("train", [*TINY, "logger=tensorboard"]) == 2
    assert "logger=tensorboard: tensorboard is not installed; `uv sync --extra tensorboard`" in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_a_worker_that_dies_ends_the_run_with_one_word(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(_children())
    at_step(monkeypatch, 1, lambda: [os.kill(child, signal.SIGKILL) for child in set(_children()) - before])
    assert run("train", [*QUIET, "data.workers=1"]) == 2
    said = capsys.readouterr().err
    assert "atelier: a process that loads data died (data.workers=1)" in said and "Traceback" not in said
    assert results(here / "run")["status"].startswith("failed")


def test_a_worker_whose_death_is_told_twice_leaves_a_run_that_says_it_failed(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loader = "torch.utils.data.dataloader._MultiProcessingDataLoaderIter"
    noted, before = Clock.on_exception, set(_children())
    raised: list[BaseException] = []

    def reset(*_: Any) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    def late(self: Clock, trainer: Trainer, module: Any, exception: BaseException) -> None:
        raised.append(exception)
        for child in set(_children()) - before:
            os.kill(child, signal.SIGKILL)
            os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it is dead, and the signal that says so has come
        noted(self, trainer, module, exception)

    monkeypatch.setattr(f"{loader}._try_get_data", reset)
    monkeypatch.setattr(Clock, "on_exception", late)
    assert run("train", [*QUIET, "data.workers=1"]) == 2
    assert [type(exception) for exception in raised] == [ConnectionResetError]
    assert "atelier: a process that loads data died (data.workers=1)" in capsys.readouterr().err
    assert results(here / "run")["status"].startswith("failed")
    assert callable(signal.getsignal(signal.SIGCHLD))  # torch's, for whoever trains next in this process


def test_a_worker_that_dies_while_it_hands_a_batch_over_is_told_by_the_same_word(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reset(*_: Any) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr("torch.utils.data.dataloader._MultiProcessingDataLoaderIter._try_get_data", reset)
    assert run("train", [*QUIET, "data.workers=1"]) == 2
    assert "atelier: a process that loads data died (data.workers=1)" in capsys.readouterr().err


def test_a_signal_to_all_processes_of_a_run_saves_it(here: Path) -> None:
    words = [*QUIET, "trainer.max_epochs=1000", "data.batch_size=20", "data.workers=1"]
    command = [sys.executable, str(SRC / "train.py"), *(word for word in words if word != "trainer.max_epochs=1")]
    process = subprocess.Popen(
        command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    while not (here / "run" / "checkpoints" / "last.ckpt").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGTERM)
    said = process.communicate(timeout=100)[0]
    assert process.returncode == 143 and ": saved. To go on:" in said, said
    assert results(here / "run")["status"] == "stopped"


def test_another_pipe_that_breaks_is_no_worker(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    at_step(monkeypatch, 1, broken)
    assert run("train", [*QUIET, "data.workers=1"]) == 2
    assert "atelier: a file could not be read or written: Broken pipe" in capsys.readouterr().err


def _children() -> list[int]:
    """Processes that this one has started."""
    tasks = Path("/proc/self/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def test_a_data_folder_that_vanishes_stops_only_those_who_come_later(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "pictures").mkdir()
    for number in range(20):
        Image.new("L", (16, 16), number).save(here / "pictures" / f"{number}.png")
    words = [*TINY, "data=image_folder", "data.root=pictures", "data.image_size=32", "data.channels=1"]
    words = [word for word in words if word != "data=digits" and not word.startswith("data.subset")]
    words += ["callback.scoreboard=null", "data.batch_size=6", "callback.report=null", "hydra.run.dir=run"]
    with monkeypatch.context() as patch:
        at_step(patch, 2, lambda: shutil.rmtree(here / "pictures"))
        assert run("train", words) == 0
    assert not (here / "pictures").exists()
    capsys.readouterr()
    assert run("train", ["resume=run", "trainer.max_epochs=2"]) == 2
    said = capsys.readouterr().err
    assert "data.root=" in said and "no such folder" in said and "Traceback" not in said


@pytest.mark.parametrize("way", ["deleted", "emptied", "moved", "replaced"])
def test_a_run_folder_that_vanishes_ends_the_run_with_one_word(
    way: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder, other = here / "run", here / "other"

    def vanish() -> None:
        run_folder.rename(other)
        if way == "emptied":
            run_folder.mkdir()
        if way == "replaced":
            shutil.copytree(other, run_folder)
        if way != "moved":
            shutil.rmtree(other)

    at_step(monkeypatch, 1, vanish)
    assert run("train", QUIET) == 1
    said = capsys.readouterr().err
    assert said.count("run: this run's folder is gone (deleted or moved)") == 1 and "Traceback" not in said
    assert run_folder.exists() == (way in ("emptied", "replaced"))  # nobody has made it anew
    assert not (run_folder / "checkpoints").exists()
    assert way != "moved" or (other / "config.yaml").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_costs_what_cannot_be_written_and_no_more(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full while the second of three epochs is trained and scored."""
    opening, full = Path.open, False

    def open_file(self: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        written = full and mode in ("wb", "a") and self.is_relative_to(here / "run")
        return opening(Path("/dev/full") if written else self, mode, *rest, **named)

    def fill(now: bool) -> None:
        nonlocal full
        full = now

    monkeypatch.setattr(Path, "open", open_file)
    at_step(monkeypatch, 3, lambda: fill(True))
    at_step(monkeypatch, 6, lambda: fill(False))
    words = [*TINY, "trainer.max_epochs=3", "callback.bookkeeping.every_n_steps=1", "hydra.run.dir=run"]
    assert run("train", words) == 0
    said = (here / "run" / "train.log").read_text()
    for name in ("metrics.csv", "results.json", "checkpoints/last.ckpt"):
        assert f"the disk is full: {here}/run/{name} was not written, the former one is kept; training goes on" in said
    assert f"{here}/run/samples/epoch_0002.png was not written, there is none yet" in said
    found = {path.name for path in (here / "run" / "samples").glob("epoch_*.png")}
    assert found == {"epoch_0000.png", "epoch_0001.png", "epoch_0003.png"}
    rows = read_journal(here / "run" / "metrics.csv")
    assert [float(row["images_seen"]) for row in rows if row["d/loss"]] == [60.0 * step for step in range(1, 10)]
    assert [row["epoch"] for row in rows if row["val/fd_digits"]] == ["1.0", "2.0", "3.0"]
    assert results(here / "run")["status"] == "finished"
    assert not list((here / "run").rglob(".*.tmp-*"))


def test_a_clock_that_jumps_changes_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, jumps = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: now() + (-1) ** next(jumps) * 3e7)
    started = time.monotonic()
    assert run("train", QUIET) == 0
    found = results(here / "run")
    assert 0 < found["train_seconds"] <= time.monotonic() - started
    assert found["images_per_second"] > 0


def test_evaluate_writes_what_json_can_hold(trained: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score = evaluate.sample_scores

    def scores(*given: Any) -> dict[str, dict[str, Any]]:
        entries = score(*given)
        next(iter(entries.values()))["value"] = float("inf")
        return entries

    monkeypatch.setattr(evaluate, "sample_scores", scores)
    assert run("evaluate", [f"ckpt={trained}", "hydra.run.dir=made"]) == 0

    def refuse(word: str) -> None:
        raise AssertionError(word)

    content = json.loads((here / "made" / "results.json").read_text(), parse_constant=refuse)
    first, *others = (entry["value"] for entry in content["scores"].values())
    assert first is None and None not in others


def test_noise_fits_into_a_page(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    for budget in (300_000, 100_000, 20_000):
        assert embed(tmp_path / "noise.png", budget).startswith("data:image/jpeg;base64,")
