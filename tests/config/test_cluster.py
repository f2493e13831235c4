"""Processes that somebody else starts together: who is first, and what folder they share."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

import pytest

from atelier.cli import run
from atelier.cli.cluster_overrides import requeued_overrides, run_dir_override
from atelier.config.cluster import ClusterProcess, cluster_process, shared_run_dir
from atelier.types import Mistake

TORCHRUN = {"TORCHELASTIC_RUN_ID": "7", "RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}
SLURM = {
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "0",
    "SLURM_JOB_ID": "31",
    "SLURM_JOB_NAME": "train",
    "SLURM_STEP_ID": "2",
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, None),
        (TORCHRUN, ClusterProcess(first=False, world=2, name="7")),
        (TORCHRUN | {"TORCHELASTIC_RUN_ID": "none", "RANK": "0"}, ClusterProcess(first=True, world=2, name=None)),
        (SLURM, ClusterProcess(first=True, world=4, name="slurm-31-2")),
        (SLURM | {"SLURM_PROCID": "3"}, ClusterProcess(first=False, world=4, name="slurm-31-2")),
        (SLURM | {"SLURM_JOB_NAME": "bash"}, None),
        (SLURM | {"SLURM_NTASKS": "1"}, ClusterProcess(first=True, world=1, name="slurm-31-2")),
        ({name: value for name, value in SLURM.items() if name != "SLURM_STEP_ID"} | {"SLURM_NTASKS": "1"}, None),
        ({"NODE_RANK": "1", "MASTER_ADDR": "one"}, ClusterProcess(first=False, world=None, name=None)),
        ({"LOCAL_RANK": "0", "WORLD_SIZE": "2"}, ClusterProcess(first=True, world=2, name=None)),
    ],
    ids=[
        "alone",
        "torchrun",
        "torchrun unnamed",
        "slurm",
        "slurm's last",
        "slurm's shell",
        "one task",
        "no step",
        "node",
        "hand",
    ],
)
def test_what_the_environment_says(
    said: Mapping[str, str], expected: ClusterProcess | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert cluster_process() == expected


def test_the_shared_folder_is_where_everybody_can_find_it() -> None:
    named, unnamed = ClusterProcess(first=True, world=2, name="7"), ClusterProcess(first=False, world=2, name=None)
    assert shared_run_dir(named, ["model=gan"], "gan", "digits") == "outputs/gan-digits/7"
    assert shared_run_dir(unnamed, ["hydra.run.dir=here"], "gan", "digits") == "here"
    with pytest.raises(Mistake, match=r"hydra\.run\.dir is missing.*torchrun --standalone"):
        shared_run_dir(unnamed, ["model=gan"])
    with pytest.raises(Mistake, match="plain name"):
        shared_run_dir(named, ["hydra.run.dir='${model_name}'"])


def test_a_shell_that_slurm_started_trains_more_than_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = ClusterProcess(first=True, world=1, name="slurm-31-2")
    arguments = Namespace(overrides=["model=gan"], multirun=False, cfg=None, info=None, config_dir=None)
    (word,) = run_dir_override(here, arguments)
    assert word.startswith("hydra.run.dir='outputs/") and word.endswith("/slurm-31-2'")
    (tmp_path / "outputs" / "gan-digits" / "slurm-31-2").mkdir(parents=True)
    (tmp_path / "outputs" / "gan-digits" / "slurm-31-2" / "config.yaml").touch()
    assert run_dir_override(here, arguments) == []  # its own name, by the time
    assert run_dir_override(here, Namespace(**(vars(arguments) | {"multirun": True}))) == []
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")  # it had begun, and has nothing to go on from
    assert run_dir_override(here, arguments) == [word]
    assert requeued_overrides(here, arguments) == ["model=gan"]
    (tmp_path / "outputs" / "gan-digits" / "slurm-31-2" / "checkpoints").mkdir()
    (tmp_path / "outputs" / "gan-digits" / "slurm-31-2" / "checkpoints" / "last.ckpt").touch()
    assert requeued_overrides(here, arguments) == [f"resume={tmp_path}/outputs/gan-digits/slurm-31-2"]


def test_one_process_speaks_of_a_mistake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for rank, spoken in (("1", False), ("0", True)):
        for name, value in (TORCHRUN | {"RANK": rank, "LOCAL_RANK": rank}).items():
            monkeypatch.setenv(name, value)
        assert run("train", ["model=gna"]) == 2
        assert ("gna" in capsys.readouterr().err) is spoken
    assert list(tmp_path.iterdir()) == []
