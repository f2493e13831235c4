"""The whole command in two processes: one folder, one voice, one status."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from deaths import SRC, digest, pictures, rows

from atelier.cli import run
from atelier.config.devices import PLAIN, SHARED, strategy

DIGITS = ["data=digits", "data.image_size=8", "data.subset=240", "data.batch_size=24"]
DIGITS += ["trainer.check_val_every_n_epoch=1"]
SMALL = ["model=gan", "model.generator.width=16", "model.critic.network.width=16", *DIGITS]
CODE = ["model=autoencoder", "network.units=6", *DIGITS]
TWO = [*SMALL, "trainer=ddp_cpu"]
LONG = [*TWO, "trainer.max_epochs=40", "callback.report=null", "trainer.check_val_every_n_epoch=5"]


def start(words: Sequence[str], place: Path, **said: str) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | said
    return subprocess.Popen(
        [sys.executable, str(SRC / "train.py"), *words],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


# --- without a second process -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("devices", "nodes", "several"),
    [
        (1, 1, False),
        ("1", 1, False),
        ([0], 1, False),
        (2, 1, True),
        ([0, 1], 1, True),
        (-1, 1, True),
        ("auto", 1, True),
        (1, 2, True),
    ],
)
def test_strategy_follows_the_devices(devices: int | str | list[int], nodes: int, several: bool) -> None:
    assert strategy(devices, nodes) == (SHARED if several else "auto")
    assert strategy(devices, nodes, players=1) == (PLAIN if several else "auto")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["data.batch_size=25"], "data.batch_size=25: is shared by 2 devices"),
        (["trainer.strategy=ddp"], f"trainer.strategy=ddp: devices share batches by {SHARED}"),
        (["trainer.strategy=fsdp"], "fsdp"),
        (["model.parts=13"], "model.parts=13: a device has 12 images"),
    ],
    ids=["batch", "ddp", "fsdp", "parts"],
)
def test_a_mistake_costs_no_process(
    words: list[str],
    answer: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert run("train", [*TWO, *words]) == 2
    assert answer in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_only_a_command_can_be_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["somebody.py"])
    assert run("train", [*TWO, "callback.scoreboard=null", "hydra.run.dir=run"]) == 2
    assert "trainer.devices=2: several devices are for the command line" in capsys.readouterr().err


# --- with one ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("model", [SMALL, CODE], ids=["game", "autoencoder"])
def test_one_folder_and_one_voice(model: list[str], tmp_path: Path) -> None:
    words = [*model, "trainer.precision=64-true", "trainer.max_epochs=2", "callback.report=null"]
    status, said = finish(start([*words, "trainer=ddp_cpu"], tmp_path))
    assert status == 0, said
    assert said.count("epoch 2/2") == 1 and "GLOBAL_RANK" not in said and "Warning" not in said, said
    (folder,) = (tmp_path / "outputs").glob("*/*")
    assert [path.name for path in folder.glob("*.log")] == ["train.log"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert run("train", [*words, "trainer=cpu", "hydra.run.dir=alone"]) == 0
    alone = tmp_path / "alone"
    names = [{str(path.relative_to(place)) for path in place.rglob("*")} for place in (folder, alone)]
    assert names[0] == names[1]
    assert pictures(folder) == pictures(alone)
    mine, other = (json.loads((place / "results.json").read_text(encoding="utf-8")) for place in (folder, alone))
    assert mine["images_seen"] == other["images_seen"] == 480
    for name, standing in other["scores"].items():
        assert mine["scores"][name]["last"] == pytest.approx(standing["last"], rel=1e-5), name


@pytest.mark.slow
def test_convolutions_of_grey_images_give_no_warning(tmp_path: Path) -> None:
    words = ["model=dcgan", "data=digits", "data.subset=64", "data.batch_size=32", "trainer.max_epochs=1"]
    bare = ["callback.scoreboard=null", "callback.report=null", "trainer=ddp_cpu"]
    status, said = finish(start([*words, *bare], tmp_path))
    assert status == 0 and "Warning" not in said, said


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nobody stopped."""
    place = tmp_path_factory.mktemp("unstopped")
    assert finish(start([*LONG, "hydra.run.dir=whole"], place))[0] == 0
    return place / "whole"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=str)
def test_stopped_and_resumed_is_as_never_stopped(
    number: signal.Signals, status: int, whole: Path, tmp_path: Path
) -> None:
    process = start([*LONG, "hydra.run.dir=stopped"], tmp_path)
    while not (tmp_path / "stopped" / "checkpoints" / "last.ckpt").exists():
        time.sleep(0.1)
        assert process.poll() is None, process.communicate()[0]
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    ended, said = finish(process)
    assert ended == status, said
    assert "Traceback" not in said and re.search("To go on", said), said
    assert finish(start(["resume=stopped"], tmp_path))[0] == 0
    assert digest(tmp_path / "stopped") == digest(whole)
    assert rows(tmp_path / "stopped") == rows(whole)


@pytest.mark.slow
def test_a_leader_that_dies_leaves_nobody_behind(tmp_path: Path) -> None:
    process = start([*TWO, "trainer.max_epochs=1000", "hydra.run.dir=run"], tmp_path)
    while not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists():
        time.sleep(0.1)
        assert process.poll() is None, process.communicate()[0]
    process.kill()
    process.communicate(timeout=60)  # the pipe closes when its last holder, the follower, is gone


@pytest.mark.slow
def test_a_follower_that_dies_is_told_in_a_line(tmp_path: Path) -> None:
    process = start([*TWO, "trainer.max_epochs=1000", "hydra.run.dir=run"], tmp_path)
    while not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists():
        time.sleep(0.1)
        assert process.poll() is None, process.communicate()[0]
    (follower,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(follower), signal.SIGKILL)
    status, said = finish(process)
    assert status == 2 and "Traceback" not in said, said
    assert "process 2 of the 2 that train together was ended by SIGKILL, most often for want of memory" in said
    assert re.search(r"The state of epoch [\d.]+ is kept, and goes on with: .* resume=run", said), said


@pytest.mark.slow
def test_torchrun(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, str(SRC / "train.py"), *TWO, "trainer.max_epochs=1"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epoch 1/1") == 1
    assert len(list((tmp_path / "outputs").glob("*/*"))) == 1


SLURM = {"SLURM_NTASKS": "2", "SLURM_JOB_ID": "31", "SLURM_STEP_ID": "2", "SLURM_JOB_NAME": "train"}


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [1, 2])
def test_as_srun_starts_them(nodes: int, tmp_path: Path) -> None:
    """Two tasks on one machine, and one on each of two, which here are the same."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    around = {**SLURM, "SLURM_NNODES": f"{nodes}", "SLURM_NTASKS_PER_NODE": f"{2 // nodes}"}
    around |= {"SLURM_NODELIST": "127.0.0.1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": f"{port}"}
    words = [*TWO, f"trainer.devices={2 // nodes}", f"trainer.num_nodes={nodes}", "trainer.max_epochs=1"]
    tasks = []
    for task in range(2):
        node, place = divmod(task, 2 // nodes)
        here = {"SLURM_PROCID": f"{task}", "SLURM_LOCALID": f"{place}", "SLURM_NODEID": f"{node}"}
        tasks.append(start(words, tmp_path, **around, **here))
    (status, said), (other, nothing) = map(finish, tasks)
    assert (status, other, nothing) == (0, 0, ""), said + nothing
    assert said.count("epoch 1/1") == 1
    assert [str(path.relative_to(tmp_path)) for path in (tmp_path / "outputs").glob("*/*")] == [
        "outputs/gan-digits/slurm-31-2"
    ]
    results = json.loads((tmp_path / "outputs/gan-digits/slurm-31-2/results.json").read_text(encoding="utf-8"))
    assert results["images_seen"] == 240
