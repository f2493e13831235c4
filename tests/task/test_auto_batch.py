"""auto_batch=true: the batch is halved until it fits, and the run is the one that has this batch size by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from deaths import SRC, digest, pictures, rows
from omegaconf import OmegaConf

from atelier.cli import run
from atelier.game.critic import Critic
from atelier.model.gan import GAN
from tiny import SMALL

TINY = (
    *SMALL,
    "trainer.max_epochs=2",
    "trainer.check_val_every_n_epoch=1",
    "callback.report=null",
    "data.subset=120",
    "data.batch_size=60",
)

NO_ROOM = "[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory: you tried to allocate"


def room_for(monkeypatch: pytest.MonkeyPatch, most: int, step: int = 0) -> list[int]:
    """From batch ``step`` on, the generator's turn has room for ``most`` images; the sizes that it was tried with."""
    persuade, train, tried, now = Critic.persuade, GAN.training_step, [], 0

    def counted(model: Any, batch: Any, index: int) -> Any:
        nonlocal now
        now = batch.step
        return train(model, batch, index)

    def cramped(critic: Any, fake: torch.Tensor, *given: Any) -> Any:
        tried.append(len(fake))
        if len(fake) > most and now >= step:
            raise torch.OutOfMemoryError("CUDA out of memory.") if len(fake) > 30 else RuntimeError(NO_ROOM)
        return persuade(critic, fake, *given)

    monkeypatch.setattr(GAN, "training_step", counted)
    monkeypatch.setattr(Critic, "persuade", cramped)
    return tried


@pytest.mark.thorough
def test_the_run_is_the_one_with_this_batch_size(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        room_for(patch, 15)
        assert run("train", [*TINY, "trainer.auto_batch=true", "hydra.run.dir=found"]) == 0
    said = (here / "found" / "train.log").read_text()
    for line in (
        "auto_batch: out of memory with data.batch_size=60, trying 30",
        "auto_batch: out of memory with data.batch_size=30, trying 15",
        "auto_batch: training with data.batch_size=15 fits; learning rates stay as they are",
    ):
        assert said.count(line) == 1, said
    assert OmegaConf.load(here / "found" / "config.yaml").data.batch_size == 15
    assert run("train", [*TINY, "data.batch_size=15", "hydra.run.dir=given"]) == 0
    found, given = here / "found", here / "given"
    assert digest(found) == digest(given)
    assert rows(found) == rows(given)
    assert pictures(found) == pictures(given)
    assert run("train", ["resume=found", "trainer.max_epochs=3"]) == 0  # keeps what was found
    assert OmegaConf.load(found / "config.yaml").data.batch_size == 15


@pytest.mark.slow
def test_every_turn_is_tried_with_the_optimizers_memory_taken(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = room_for(monkeypatch, 30, step=5)  # the generator's second turn
    words = ["model.discriminator_turns=3", "trainer.auto_batch=true", "trainer.max_epochs=1", "hydra.run.dir=run"]
    assert run("train", [*TINY, *words]) == 0
    assert tried[:4] == [60, 60, 30, 30]
    assert OmegaConf.load(here / "run" / "config.yaml").data.batch_size == 30


CRAMPED = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from atelier.cli import run
from atelier.task import train

room = int(sys.argv[2]) * 2**20

def bound(work):
    def cramped(*given):
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (taken + room, most))
        return work(*given)
    return cramped

train.shrink, train.keep = bound(train.shrink), bound(train.keep)
sys.exit(run("train", sys.argv[3:]))
"""
"""A process that the system gives so much more memory, in MiB, from the moment at which batches are tried."""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system tells nobody how much memory is taken")
def test_where_memory_is_really_short(here: Path) -> None:
    words = ["model=dcgan", "data=digits", "trainer=cpu", "trainer.max_epochs=1", "data.subset=1400"]
    words += ["data.batch_size=1400", "callback.scoreboard=null", "callback.report=null"]

    def cramped(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CRAMPED, str(SRC), "400", *words, *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    lost = cramped("hydra.run.dir=lost")
    assert lost.returncode == 2, lost.stderr
    assert "atelier: out of memory with data.batch_size=1400" in lost.stderr and "Traceback" not in lost.stderr
    found = cramped("auto_batch=true", "hydra.run.dir=found")
    assert found.returncode == 0, found.stderr
    assert "auto_batch: out of memory with data.batch_size=1400, trying 700" in found.stderr
    assert OmegaConf.load(here / "found" / "config.yaml").data.batch_size < 1400


def test_what_fits_nowhere_is_said_in_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = room_for(monkeypatch, 0)
    words = ["data.batch_size=4", "model.parts=2", "auto_batch=true", "hydra.run.dir=run"]
    assert run("train", [*TINY, *words]) == 2
    said = capsys.readouterr().err
    assert "atelier: auto_batch: out of memory with data.batch_size=2" in said and "Traceback" not in said
    assert tried == [2, 1]  # parts of batches of 4 and 2
    assert not (here / "run" / "checkpoints").exists()


def test_other_failures_are_no_reason_to_halve(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(Critic, "persuade", fail)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(RuntimeError, match="something else"):
        run("train", [*TINY, "auto_batch=true", "hydra.run.dir=run"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["auto_batch=true", "trainer=ddp_cpu"], "looks at one device"),
        (["trainer.auto_batch=perhaps"], "auto_batch is true or false"),
        (["auto_batch=null"], "auto_batch: true or false"),
    ],
)
def test_where_it_cannot_be_done_is_said_first(
    words: list[str], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", [*TINY, *words, "hydra.run.dir=run"]) == 2
    assert says in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_a_stored_run_keeps_its_batch_size(trained: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", [f"resume={trained}", "trainer.auto_batch=true", "trainer.max_epochs=9"]) == 2
    assert "a stored run keeps its batch size" in capsys.readouterr().err
