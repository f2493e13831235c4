"""Runs that are killed and continued: they end as if nothing had happened."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from deaths import Death, digest, kill_in_training, pictures, rows, train
from omegaconf import OmegaConf

SMALL = [
    "trainer=cpu",
    "callback.report=null",
    "trainer.check_val_every_n_epoch=1",
    "callback.checkpoints.every_n_batches=2",
    "callback.bookkeeping.every_n_steps=4",
]
FAMILIES = {
    "gan": [
        "model=dcgan",
        "data=digits",
        "objective=wasserstein",
        "regularizer=gradient_penalty",
        "model.critic.network.norm=null",
        "data.subset=240",
        "data.batch_size=40",
        "model.generator.width=4",
        "model.critic.network.width=4",
        "trainer.max_epochs=3",
    ],
    "autoencoder": [
        "model=sparse_autoencoder",
        "data=digits",
        "data.subset=240",
        "data.batch_size=40",
        "network.units=16",
        "callback.appraisal.train=64",
        "callback.appraisal.test=64",
        "callback.appraisal.examiners.few_labels=null",
        "callback.appraisal.examiners.linear_probe=null",
        "callback.appraisal.examiners.clustering=null",
        "trainer.max_epochs=3",
    ],
    "cyclegan": [
        "model=cyclegan",
        "data=stripes",
        "generator=resnet_6blocks",
        "generator.width=2",
        "discriminator.width=2",
        "data.image_size=24",
        "data.source.train=12",
        "data.source.test=4",
        "data.batch_size=2",
        "model.pool_a.capacity=5",
        "trainer.max_epochs=3",
    ],
}
"""Tiny runs of six batches an epoch: a checkpoint after batches 2 and 4 and at an epoch's end."""

Start = Callable[..., int]


@pytest.fixture(scope="session")
def start(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Trains in a process of its own that has torch from the beginning, and gives its status.

    beside: called with the process while it runs. around: what more there is in its environment. seconds: its most.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["deaths"])
    # Before Python 3.13 the server does not get our sys.path, and says nothing of a module that it does not find.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        forkserver.ensure_running()

    def run(
        words: Sequence[str],
        place: Path,
        death: Death | None = None,
        *,
        beside: Callable[[BaseProcess], None] = lambda process: None,
        around: Mapping[str, str] | None = None,
        seconds: int = 240,
    ) -> int:
        process = context.Process(target=train, args=(words, place, place / "said.txt", death, around))
        process.start()
        beside(process)
        process.join(seconds)
        assert process.exitcode is not None, (place / "said.txt").read_text()
        return process.exitcode

    return run


Reference = Callable[..., Path]


@pytest.fixture(scope="session")
def reference(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The folder of an uninterrupted run, trained once for all cells that ask for it."""
    folders: dict[tuple[str, ...], Path] = {}

    def ask(*words: str, seconds: int = 240) -> Path:
        if words not in folders:
            place = tmp_path_factory.mktemp("reference")
            status = start([*words, "hydra.run.dir=run"], place, seconds=seconds)
            assert status == 0, (place / "said.txt").read_text()
            folders[words] = place / "run"
        return folders[words]

    return ask


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _same(folder: Path, other: Path) -> None:
    """All state, all rows, all pictures; the best checkpoint is of the same epoch; nothing is left over."""
    assert rows(folder) == rows(other)
    assert digest(folder) == digest(other)
    assert pictures(folder) == pictures(other)
    mine, theirs = (_json(place / "results.json") for place in (folder, other))
    for name in ("status", "epochs", "images_seen", "scores", "warnings"):
        assert mine[name] == theirs[name], name
    names = [{str(path.relative_to(place)) for path in place.rglob("*")} for place in (folder, other)]
    assert names[0] - {"resumed.yaml"} == names[1]


KILLED = -signal.SIGKILL


class Cell(NamedTuple):
    """One run, and how it is killed."""

    family: str
    workers: int
    death: Death
    precision: str = "32-true"
    world: int = 1

    def words(self) -> list[str]:
        """What the killed run and the uninterrupted one have in common."""
        gloo = ["trainer.devices=2"]
        return [
            *SMALL,
            *FAMILIES[self.family],
            f"trainer.precision={self.precision}",
            *(gloo if self.world > 1 else []),
        ]

    def __str__(self) -> str:
        death = f"{self.death.at}_{self.death.number}"
        return f"{self.family}-{death}-workers_{self.workers}-{self.precision}-world_{self.world}"


QUICK = Cell("gan", 2, Death("end", 11))
FAST = [Cell("gan", 0, Death("write", 4)), Cell("cyclegan", 0, Death("step", 9))]
"""Less than a minute on two slow cores."""

DEATHS = [Death("step", 9), Death("end", 11), Death("validation", 3), Death("write", 2), Death("write", 5)]
SLOW = [
    Cell(family, workers, death, precision, world)
    for family in FAMILIES
    for death in DEATHS
    for workers in (0, 2)
    for precision in ("32-true", "bf16-mixed")
    for world in (1, 2)
    if Cell(family, workers, death, precision, world) not in (QUICK, *FAST)
]


@pytest.mark.parametrize(
    "cell",
    [
        QUICK,
        *(pytest.param(cell, marks=pytest.mark.thorough) for cell in FAST),
        *(pytest.param(cell, marks=pytest.mark.slow) for cell in SLOW),
    ],
    ids=str,
)
def test_a_killed_run_ends_as_if_nothing_had_happened(
    cell: Cell, start: Start, reference: Reference, tmp_path: Path
) -> None:
    words = cell.words()
    assert start([*words, f"data.workers={cell.workers}", "hydra.run.dir=run"], tmp_path, cell.death) == KILLED
    assert start(["resume=run"], tmp_path) == 0, (tmp_path / "said.txt").read_text()
    _same(tmp_path / "run", reference(*words))


@pytest.mark.thorough
def test_nothing_is_saved_while_gradients_are_summed_up(start: Start, reference: Reference, tmp_path: Path) -> None:
    """Of six batches the first four make one step and the last two another: a state in between would lose gradients."""
    words = [*Cell("autoencoder", 0, Death("step", 9)).words(), "+trainer.accumulate_grad_batches=4"]
    assert start([*words, "hydra.run.dir=run"], tmp_path, Death("step", 9)) == KILLED
    assert start(["resume=run"], tmp_path) == 0, (tmp_path / "said.txt").read_text()
    _same(tmp_path / "run", reference(*words))


@pytest.mark.thorough
@pytest.mark.parametrize("batch", [8, 9], ids=["amid a row", "after a row"])
def test_a_run_whose_time_is_up_within_an_epoch_goes_on_there(
    batch: int, start: Start, reference: Reference, tmp_path: Path
) -> None:
    words = Cell("autoencoder", 0, Death("stop", batch)).words()
    assert start([*words, "hydra.run.dir=run"], tmp_path, Death("stop", batch)) == 0
    assert rows(tmp_path / "run")[-1]["images_seen"] == str(40 * (batch + 1))  # what was trained is told
    assert start(["resume=run"], tmp_path) == 0, (tmp_path / "said.txt").read_text()
    _same(tmp_path / "run", reference(*words))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_compiled_run_that_is_killed_ends_as_if_nothing_had_happened(
    family: str, start: Start, reference: Reference, tmp_path: Path
) -> None:
    """The resumed process compiles anew, having met the sizes of its batches in another order, or reads the cache."""
    words = [*SMALL, *FAMILIES[family], "compile=true"]
    expected = reference(*words, seconds=COMPILING)
    assert start([*words, "hydra.run.dir=run"], tmp_path, Death("step", 9), seconds=COMPILING) == KILLED
    assert start(["resume=run"], tmp_path, seconds=COMPILING) == 0, (tmp_path / "said.txt").read_text()
    _same(tmp_path / "run", expected)


COMPILING = 900
"""Seconds that are enough to compile four networks on two cores that are shared."""


CHAOS = [
    "trainer=cpu",
    "trainer.max_epochs=8",
    "trainer.check_val_every_n_epoch=2",
    "callback.checkpoints.every_n_batches=2",
    "callback.report=null",
]
"""The first run, which no model and no data name: 360 batches in the place of 2,250."""


@pytest.mark.slow
def test_fifty_kills_at_any_time_change_nothing(start: Start, reference: Reference, tmp_path: Path) -> None:
    chance, run = random.Random(0), tmp_path / "run"
    for _ in range(50):
        checkpoints, seconds = chance.randrange(2), chance.uniform(0, 0.25)
        stored = (run / "checkpoints" / "last.ckpt").exists()
        if not stored:
            shutil.rmtree(run, ignore_errors=True)
        words = ["resume=run"] if stored else [*CHAOS, "hydra.run.dir=run"]
        kill = partial(kill_in_training, folder=run, checkpoints=checkpoints, seconds=seconds)
        assert start(words, tmp_path, beside=kill) == KILLED, "it came to its end before the last kill"
    assert start(["resume=run"], tmp_path) == 0, (tmp_path / "said.txt").read_text()
    _same(run, reference(*CHAOS))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("by", "status"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGUSR1, 143, marks=pytest.mark.slow),
        (signal.SIGINT, 130),
    ],
)
def test_a_signal_saves_and_leaves_with_the_command_that_goes_on(
    by: signal.Signals, status: int, start: Start, reference: Reference, tmp_path: Path
) -> None:
    words = Cell("autoencoder", 0, Death("step", 8)).words()
    assert start([*words, "hydra.run.dir=run"], tmp_path, Death("step", 8, by)) == status
    said = (tmp_path / "said.txt").read_text()
    assert "Traceback" not in said
    assert f"python {Path(__file__).parents[2]}/src/train.py resume=run" in said.replace("uv run", "python")
    assert _json(tmp_path / "run" / "results.json")["status"] == "stopped"
    assert start(["resume=run"], tmp_path) == 0
    assert "going on after 1.5 epochs, 360 images" in (tmp_path / "said.txt").read_text()
    _same(tmp_path / "run", reference(*words))


def test_a_second_ctrl_c_leaves_at_once(start: Start, tmp_path: Path) -> None:
    words = Cell("autoencoder", 0, Death("step", 9)).words()
    assert start([*words, "hydra.run.dir=run"], tmp_path, Death("step", 9, signal.SIGINT, times=2)) == 130
    said = (tmp_path / "said.txt").read_text()
    assert "Traceback" not in said and "stopped by Ctrl-C" not in said
    stored = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert stored["callbacks"]["Clock"]["step"] == 8  # that of every second batch, as before: nobody waited for another


@pytest.mark.parametrize(
    "family", [name if name == "gan" else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES]
)
def test_validation_moves_nothing_in_training(family: str, start: Start, reference: Reference, tmp_path: Path) -> None:
    words = Cell(family, 0, Death("step", 9)).words()
    seldom = ["trainer.check_val_every_n_epoch=3", "hydra.run.dir=run"]
    assert start([*words, *seldom], tmp_path) == 0, (tmp_path / "said.txt").read_text()
    parts = ("state_dict", "optimizer_states")
    assert digest(tmp_path / "run", *parts) == digest(reference(*words), *parts)


SLURM = {
    "SLURM_NTASKS": "1",
    "SLURM_JOB_ID": "31",
    "SLURM_STEP_ID": "0",
    "SLURM_JOB_NAME": "train",
    "SLURM_NODELIST": "localhost",
    **dict.fromkeys(("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"), "0"),
}


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 8], ids=["before the first checkpoint was due", "later"])
def test_slurm_starts_a_job_again_and_it_goes_on(step: int, start: Start, reference: Reference, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    scontrol = tmp_path / "bin" / "scontrol"
    scontrol.write_text(f"#!/bin/sh\necho $* >> {tmp_path}/asked\n")
    scontrol.chmod(0o755)
    slurm = SLURM | {"PATH": f"{scontrol.parent}:{os.environ['PATH']}"}
    words = Cell("autoencoder", 0, Death("step", step)).words()
    death = Death("step", step, signal.SIGUSR1)
    assert start(words, tmp_path, death, around=slurm) == 143, (tmp_path / "said.txt").read_text()
    assert (tmp_path / "asked").read_text() == "requeue 31\n"
    said = (tmp_path / "said.txt").read_text()
    assert "SLURM starts job 31 again" in said and "Traceback" not in said
    run = tmp_path / "outputs" / "sparse_autoencoder-digits" / "slurm-31-0"
    assert start(words, tmp_path, around=slurm | {"SLURM_RESTART_COUNT": "1"}) == 0, (tmp_path / "said.txt").read_text()
    _same(run, reference(*words))


@pytest.mark.slow
def test_slurm_starts_a_job_again_that_had_no_checkpoint(start: Start, reference: Reference, tmp_path: Path) -> None:
    words = Cell("autoencoder", 0, Death("step", 1)).words()
    assert start(words, tmp_path, Death("step", 1), around=SLURM) == KILLED
    assert start(words, tmp_path, around=SLURM | {"SLURM_RESTART_COUNT": "1"}) == 0, (tmp_path / "said.txt").read_text()
    _same(tmp_path / "outputs" / "sparse_autoencoder-digits" / "slurm-31-0", reference(*words))


@pytest.mark.thorough
def test_changes_on_the_way_are_said_and_recorded(start: Start, reference: Reference, tmp_path: Path) -> None:
    words = Cell("autoencoder", 0, Death("step", 9)).words()
    assert start([*words, "hydra.run.dir=run"], tmp_path, Death("step", 9)) == KILLED
    for place in (".results.json.tmp-1", "samples/.epoch_0001.png.tmp-1"):  # killed while these were written
        (tmp_path / "run" / place).write_bytes(b"half")
    assert start(["resume=run", "trainer.max_epochs=4", "model.optimizer.lr=1e-2"], tmp_path) == 0
    assert not list((tmp_path / "run").rglob(".*.tmp-*"))
    said = (tmp_path / "said.txt").read_text()
    assert "changed: trainer.max_epochs: 3 → 4" in said
    assert "changed: model.optimizer.lr: 0.003 → 0.01" in said
    (entry,) = OmegaConf.load(tmp_path / "run" / "resumed.yaml")
    assert entry.changed["trainer.max_epochs"] == [3, 4]
    assert entry.changed["model.schedule.epochs"] == [3, 4]  # what refers to an option follows it
    assert _json(tmp_path / "run" / "results.json")["epochs"] == 4
    cfg: Any = OmegaConf.load(tmp_path / "run" / "config.yaml")
    assert (cfg.trainer.max_epochs, cfg.model.optimizer.lr, cfg.resume) == (4, 0.01, None)
    assert rows(tmp_path / "run")[:3] == rows(reference(*words))[:3]  # what lies before the change is as it was
    assert rows(tmp_path / "run")[3:] != rows(reference(*words))[3:]
