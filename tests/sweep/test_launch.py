"""Processes as jobs, with a tiny program in the place of a training."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import OmegaConf

from atelier.cli.outcome import Outcome, differing, outcome, tell, telling
from hydra_plugins.atelier_grid.sweeper import GridSweeper
from hydra_plugins.atelier_process import _job
from hydra_plugins.atelier_process._environment import SOURCE, clean, share
from hydra_plugins.atelier_process._job import Job
from hydra_plugins.atelier_process._tending import minding
from hydra_plugins.atelier_process.launcher import ProcessLauncher

PROGRAM = textwrap.dedent(
    """
    import json, os, sys, time
    words = dict(word.split("=", 1) for word in sys.argv[1:])
    from atelier.callback.sweep_parent import deliver, obey, prunes, verdict
    obey()
    print("word", words["x"], flush=True)
    if words["x"] == "bad":
        sys.exit("no good: 'x'")
    if words["x"] == "slow":
        time.sleep(60)
    if prunes() and any(verdict(step, 10.0 - step) for step in (1, 2, 3)):
        sys.exit()
    deliver(float(len(words["x"])))
    """
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_job, "command", lambda words: [sys.executable, "-c", PROGRAM, *words])


class Tiny(ProcessLauncher):
    """The launcher without Hydra's configuration: jobs lie in numbered folders."""

    def __init__(self, folder: Path, jobs: int = 1) -> None:
        super().__init__(jobs)
        self.folder = folder
        self.config = OmegaConf.create(
            {"hydra": {"job": {"config_name": "train"}, "overrides": {"hydra": []}, "runtime": {"config_sources": []}}}
        )

    def _promise(self, words: Sequence[str], number: int) -> tuple[JobReturn, Path]:
        cfg = OmegaConf.create({"hydra": {"runtime": {"output_dir": None}}})
        return JobReturn(overrides=list(words), hydra_cfg=cfg), self.folder / str(number)


def start(folder: Path, word: str, *, asks: bool = False) -> Job:
    return Job(0, [f"x={word}"], folder, "train", clean(os.environ), asks=asks)


def wait(job: Job) -> dict[str, Any]:
    until = time.monotonic() + 30
    while job.running():
        assert time.monotonic() < until
        time.sleep(0.01)
    return job.close()


@contextmanager
def interrupted(file: Path) -> Iterator[None]:
    """Ctrl-C for this process as soon as something stands in ``file``."""

    def press() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and not (file.exists() and file.read_text()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_jobs_run_at_once_and_a_failing_one_costs_no_other_its_result(tmp_path: Path) -> None:
    strange = "'two words, $HOME \"quoted\" [1]'"
    words = [["x=a"], ["x=bad"], [f"x={strange}"], ["x=ccc"]]
    returned = Tiny(tmp_path, jobs=2).launch(words, 5)
    assert [one.overrides for one in returned] == words
    assert [one.status for one in returned] == [JobStatus.COMPLETED, JobStatus.FAILED] + 2 * [JobStatus.COMPLETED]
    assert [one.return_value for one in returned if one.status == JobStatus.COMPLETED] == [1.0, len(strange), 3.0]
    record = json.loads((tmp_path / "6" / "job.json").read_text())
    assert record["status"] == "failed"
    assert record["exit_status"] == 1
    assert record["last_lines"] == ["word bad", "no good: 'x'"]
    assert record["command"].endswith(f"x=bad hydra.run.dir={tmp_path}/6")
    assert json.loads((tmp_path / "5" / "job.json").read_text())["value"] == 1.0
    assert (tmp_path / "7" / "console.log").read_text().startswith("word 'two words")


def test_the_summary_names_what_differs_and_what_failed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    returned = Tiny(tmp_path, jobs=2).launch([["x=a", "seed=1"], ["x=bad", "seed=1"]], 0)
    outcomes = [outcome(number, one) for number, one in enumerate(returned)]
    assert differing(outcomes) == ["x"]
    tell(outcomes, tmp_path)
    assert "1 of 2 jobs failed:" in caplog.text
    assert "#1 status 1: no good: 'x'" in caplog.text
    assert (tmp_path / "sweep.csv").read_text().splitlines() == [
        "job,x,score,status,folder",
        f"0,a,1.0,done,{tmp_path}/0",
        f"1,bad,,failed,{tmp_path}/1",
    ]
    jobs = json.loads((tmp_path / "sweep.json").read_text())["jobs"]
    assert [Outcome(**job) for job in jobs] == outcomes


def test_scores_of_two_names_stand_in_two_columns_and_no_number_is_null(tmp_path: Path) -> None:
    words = [["model=autoencoder"], ["model=gan"], ["model=dcgan"]]
    values = [(0.15, "val/mse"), (182.5, "val/fd_digits"), (math.nan, "val/fd_digits")]
    jobs = [Outcome(n, word, "done", *value, "") for n, (word, value) in enumerate(zip(words, values, strict=True))]
    tell(jobs, tmp_path)
    assert (tmp_path / "sweep.csv").read_text().splitlines() == [
        "job,model,val/mse,val/fd_digits,status,folder",
        "0,autoencoder,0.15,,done,",
        "1,gan,,182.5,done,",
        "2,dcgan,,nan,done,",
    ]
    assert json.loads((tmp_path / "sweep.json").read_text())["jobs"][2]["value"] is None


def test_a_job_is_asked_after_every_validation_and_pruned_between(tmp_path: Path) -> None:
    job, seen = start(tmp_path, "abc", asks=True), []
    until = time.monotonic() + 30
    while job.running():
        assert time.monotonic() < until
        for report in job.reports():
            seen.append(report)
            job.answer(prune=len(seen) == 2)
        time.sleep(0.01)
    assert seen == [(1, 9.0), (2, 8.0)]
    assert job.close()["status"] == "pruned"


def test_a_job_that_is_told_to_stop_leaves_and_is_recorded(tmp_path: Path) -> None:
    job = start(tmp_path, "slow")
    while not (tmp_path / "console.log").read_text():
        time.sleep(0.01)
    job.stop()
    assert wait(job)["exit_status"] == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whatever_ends_the_sweep_ends_its_jobs(tmp_path: Path, number: signal.Signals) -> None:
    """The signal reaches the sweep alone; its jobs are in sessions of their own."""
    job = start(tmp_path, "slow")
    with pytest.raises((KeyboardInterrupt, SystemExit)) as leaving, minding([job], Job.close):
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert not job.running()
    if number == signal.SIGTERM:
        assert isinstance(leaving.value, SystemExit)
        assert leaving.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_grid_that_is_cut_off_tells_what_became_of_every_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Hydra runs the modules of its plugins once more when it looks for them, perhaps in a test before this one.
    monkeypatch.setattr("hydra_plugins.atelier_process.launcher.ProcessLauncher", ProcessLauncher)
    sweeper = GridSweeper()
    sweeper.launcher, sweeper.config = Tiny(tmp_path), OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    with interrupted(tmp_path / "1" / "console.log"), pytest.raises(KeyboardInterrupt):
        sweeper.sweep(["x=a,slow,c"])
    assert (tmp_path / "sweep.csv").read_text().splitlines() == [
        "job,x,score,status,folder",
        f"0,a,1.0,done,{tmp_path}/0",
        f"1,slow,,stopped,{tmp_path}/1",
        "2,c,,not begun,",
    ]
    jobs = json.loads((tmp_path / "sweep.json").read_text())["jobs"]
    assert [job["status"] for job in jobs] == ["done", "stopped", "not begun"]
    assert json.loads((tmp_path / "1" / "job.json").read_text())["status"] == "stopped"


def test_a_search_that_is_cut_off_tells_of_its_trials_and_leaves_them_to_be_gone_on_with(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna", reason="the extra optuna")
    from hydra_plugins.atelier_optuna._crew import Processes
    from hydra_plugins.atelier_optuna._space import parsed
    from hydra_plugins.atelier_optuna._study import SharedStudy

    study = SharedStudy(
        parsed(["x=slow", "y=1,2"]),
        name="s",
        storage=None,
        direction="minimize",
        sampler=lambda seed: optuna.samplers.RandomSampler(seed=seed),
        pruner=optuna.pruners.NopPruner(),
        seed=0,
        n_trials=2,
    )
    crew = Processes(study, Tiny(tmp_path), 1, prunes=False)
    with interrupted(tmp_path / "0" / "console.log"), pytest.raises(KeyboardInterrupt), telling(tmp_path) as outcomes:
        crew.work(outcomes)
    assert [job["status"] for job in json.loads((tmp_path / "sweep.json").read_text())["jobs"]] == ["stopped"]
    assert (tmp_path / "sweep.csv").exists()
    assert [trial.state.name for trial in study.study.trials] == ["RUNNING"]


def test_a_job_that_failed_before_the_sweep_was_cut_off_has_failed(tmp_path: Path) -> None:
    job = start(tmp_path, "bad")
    wait(job)
    job.stop()
    assert job.close()["status"] == "failed"


def test_jobs_do_not_outlive_a_sweep_that_is_killed(tmp_path: Path) -> None:
    code = textwrap.dedent(
        f"""
        import os, sys, time
        from pathlib import Path
        from hydra_plugins.atelier_process import _job
        from hydra_plugins.atelier_process._environment import clean
        _job.command = lambda words: [sys.executable, "-c", {PROGRAM!r}, *words]
        job = _job.Job(0, ["x=slow"], Path({str(tmp_path)!r}), "train", clean(os.environ), asks=False)
        while not Path({str(tmp_path)!r}, "console.log").read_text():
            time.sleep(0.01)
        print(job._process.pid, flush=True)
        time.sleep(60)
        """
    )
    environment = clean(os.environ)
    sweep = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, text=True)
    assert sweep.stdout is not None
    pid = int(sweep.stdout.readline())
    sweep.kill()
    sweep.wait()
    sweep.stdout.close()
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_job_finds_no_trace_of_other_runs_and_our_packages() -> None:
    around = clean({"LOCAL_RANK": "1", "WORLD_SIZE": "2", "HOME": "/h", "PYTHONPATH": "/mine"})
    assert around == {"HOME": "/h", "PYTHONPATH": f"{SOURCE}{os.pathsep}/mine", "PYTHONUNBUFFERED": "1"}
    assert clean(around) == around


def test_jobs_share_devices_and_cores() -> None:
    cores = os.cpu_count() or 1
    assert share(0, 1, ["0", "1"], {}) == {}
    assert share(1, 2, ["4", "5", "6", "7"], {"OMP_NUM_THREADS": "1"}) == {"CUDA_VISIBLE_DEVICES": "6,7"}
    assert share(2, 3, ["0", "1"], {})["CUDA_VISIBLE_DEVICES"] == "0"
    assert share(0, 2, [], {}) == {"OMP_NUM_THREADS": str(max(1, cores // 2))}


def test_the_launcher_is_one_of_hydras() -> None:
    assert issubclass(ProcessLauncher, Launcher)
