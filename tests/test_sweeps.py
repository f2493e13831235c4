"""Sweeps of real trainings: every launcher, killed and shared studies, pruning. Takes half an hour on two cores."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from atelier.cli import run
from tiny import SMALL

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[1] / "src" / "train.py"

TINY = [
    *SMALL,
    "trainer.max_epochs=2",
    "trainer.check_val_every_n_epoch=1",
    "trainer.limit_train_batches=4",
    "data.subset=360",
    "data.batch_size=60",
    # Drawing costs more than these trainings, and no score hangs on it.
    "callback.gallery=null",
    "callback.report=null",
]

SPACE = "model.generator_optimizer.lr=tag(log,interval(1e-5,1e-1))"
SEARCH = [*TINY, SPACE, "hydra/sweeper=optuna", "hydra/sweeper/sampler=random", "hydra.sweeper.study_name=s"]

EXTRAS = {"joblib": "joblib", "submitit_local": "submitit", "ray": "ray"}
"""Launchers that others wrote, and the extras that bring them."""


def there(extra: str) -> bool:
    return importlib.util.find_spec(f"hydra_plugins.hydra_{extra}_launcher") is not None


def start(words: Sequence[str], place: Path) -> subprocess.Popen[str]:
    """``train`` with ``words`` in ``place``; standard output and error together."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *words],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"},
    )


def done(process: subprocess.Popen[str], status: int = 0) -> str:
    """What ``process`` has said, once it has ended with ``status``."""
    said, _ = process.communicate(timeout=1800)
    assert process.returncode == status, said
    return said


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "sweep.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# --- launchers

# At the usual rate the first pictures of all seeds are the same grey.
QUICK = [*TINY, "model.generator_optimizer.lr=0.05"]


@pytest.fixture(scope="module")
def singles(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The scores of four single runs, one after another."""
    place = tmp_path_factory.mktemp("singles")
    scores = []
    for seed in range(4):
        assert run("train", [*QUICK, f"seed={seed}", f"hydra.run.dir={place}/{seed}"]) == 0
        found = json.loads((place / str(seed) / "results.json").read_text())["scores"]
        scores.append(next(iter(found.values()))["best"])
    assert len(set(scores)) == 4
    return scores


@pytest.mark.parametrize("launcher", ["process", "joblib", "submitit_local", "ray"])
def test_every_launcher_gives_the_scores_of_single_runs(launcher: str, singles: list[float], tmp_path: Path) -> None:
    if launcher in EXTRAS and not there(EXTRAS[launcher]):
        pytest.skip(f"the extra {EXTRAS[launcher]}")
    at_once = {"process": ["hydra.launcher.jobs=2"], "joblib": ["hydra.launcher.n_jobs=2"]}.get(launcher, [])
    words = [*QUICK, "seed=0,1,2,3", f"hydra/launcher={launcher}", *at_once, "hydra.sweep.dir=swept", "-m"]
    done(start(words, tmp_path))
    rows = table(tmp_path / "swept")
    assert [row["seed"] for row in rows] == ["0", "1", "2", "3"]
    assert [float(row["val/fd_digits"]) for row in rows] == pytest.approx(singles, rel=1e-6)


def test_one_failing_job_leaves_three_results_and_a_summary(tmp_path: Path) -> None:
    """Its learning rate leaves the finite numbers, which no check can know before."""
    rates = "model.generator_optimizer.lr=1e-4,2e-4,1e30,4e-4"
    said = done(start([*TINY, rates, "hydra.launcher.jobs=2", "hydra.sweep.dir=swept", "-m"], tmp_path), status=1)
    rows = table(tmp_path / "swept")
    assert [row["status"] for row in rows] == ["done", "done", "failed", "done"]
    assert "1 of 4 jobs failed:" in said
    assert "not finite any more" in said
    record = json.loads((tmp_path / "swept" / "2" / "job.json").read_text())
    assert record["exit_status"] == 1
    assert "model.generator_optimizer.lr=1e+30" in record["command"]
    assert any("not finite any more" in line for line in record["last_lines"])


def test_a_sweep_that_is_told_to_stop_stops_its_jobs_in_order(tmp_path: Path) -> None:
    long = [word for word in TINY if "max_epochs" not in word]
    words = [*long, "trainer.max_epochs=5000", "seed=1,2", "hydra.launcher.jobs=2", "hydra.sweep.dir=swept", "-m"]
    process = start(words, tmp_path)
    for number in (0, 1):
        while not (tmp_path / "swept" / str(number) / "checkpoints" / "last.ckpt").exists():
            assert process.poll() is None
            time.sleep(0.2)
    process.terminate()
    done(process, status=143)
    for number in (0, 1):
        record = json.loads((tmp_path / "swept" / str(number) / "job.json").read_text())
        assert record["exit_status"] == 143
        assert any("resume=" in line for line in record["last_lines"])


RECIPES = {
    "dcgan_lr_grid": ["model.generator_optimizer.lr=2e-4,1e-3", "model.discriminator_optimizer.lr=1e-3"],
    "dcgan_optuna": ["hydra.sweeper.n_trials=2"],
    "sparse_rho": ["sparsity.rho=0.01,0.2", "sparsity.weight=3"],
    "cyclegan_weights": ["hydra.sweeper.n_trials=2"],
}
"""Every recipe with two jobs."""

SMALL = {
    "cyclegan_weights": [
        "generator.width=2", "discriminator.width=2", "data.image_size=32", "data.source.train=8", "data.source.test=4",
    ],
}  # fmt: skip


@pytest.mark.parametrize("search", RECIPES)
def test_every_recipe_runs(search: str, tmp_path: Path) -> None:
    if "n_trials" in str(RECIPES[search]):
        pytest.importorskip("optuna")
    short = ["trainer=cpu", "trainer.max_epochs=1", "trainer.check_val_every_n_epoch=1"]
    words = [*RECIPES[search], *SMALL.get(search, ["data.subset=360"]), *short, "callback.report=null"]
    done(start([f"search={search}", *words, "hydra.sweep.dir=swept", "-m"], tmp_path))
    rows = table(tmp_path / "swept")
    assert [row["status"] for row in rows] == ["done", "done"]
    (score,) = [name for name in rows[0] if name.startswith("val/")]
    assert all(math.isfinite(float(row[score])) for row in rows)


# --- studies


def trials(storage: str) -> list[Any]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        opened = optuna.storages.RDBStorage(storage)
    except Exception:  # not there yet
        return []
    try:
        found: list[Any] = optuna.load_study(study_name="s", storage=opened).trials
    except KeyError:  # no study yet
        return []
    finally:  # a server has only so many connections
        opened.remove_session()
        opened.engine.dispose()
    return found


def until(trial: int, storage: str, process: subprocess.Popen[str]) -> None:
    """Wait until the training of ``trial`` has begun."""
    while True:
        assert process.poll() is None, process.communicate()[0]
        found = trials(storage)
        if len(found) > trial and "folder" in found[trial].user_attrs:
            folder = Path(found[trial].user_attrs["folder"])
            if (folder / "metrics.csv").exists():
                return
        time.sleep(0.5)


def killed_and_shared(storage: str, place: Path) -> None:
    """One worker is killed in trial 5; two go on with its study; a last one has nothing left to do but to tell."""
    words = [*SEARCH, f"hydra.sweeper.storage='{storage}'", "hydra.sweeper.n_trials=12", "-m"]
    process = start([*words, "hydra.sweep.dir=first"], place)
    until(4, storage, process)
    process.kill()
    process.communicate()
    before = trials(storage)
    assert [trial.state.name for trial in before] == ["COMPLETE"] * 4 + ["RUNNING"]
    for worker in [start([*words, f"hydra.sweep.dir=worker{number}"], place) for number in (1, 2)]:
        done(worker)
    after = trials(storage)
    assert [trial.state.name for trial in after] == ["COMPLETE"] * 12
    assert [trial.params for trial in after[:5]] == [trial.params for trial in before]
    assert len({trial.params[SPACE.partition("=")[0]] for trial in after}) == 12
    assert len({trial.user_attrs["folder"] for trial in after}) == 12
    assert len({trial.user_attrs["worker"]["pid"] for trial in after[4:]}) == 2
    said = done(start([*words, "hydra.sweep.dir=told"], place))
    assert len(trials(storage)) == 12
    record = json.loads((place / "told" / "optimization_results.json").read_text())
    best = min(after, key=lambda trial: trial.value)
    assert record["best"]["value"] == best.value
    assert record["counts"] == {"complete": 12}
    assert record["best"]["command"] in said
    assert f"Best of 12 trials: val/fd_digits {best.value:.6g} in trial {best.number}" in said
    assert "secret" not in said + json.dumps(record)


def test_a_killed_search_ends_with_all_trials_once(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    killed_and_shared(f"sqlite:///{tmp_path}/study.db", tmp_path)


def test_a_search_through_another_launcher_and_the_command_of_its_best(tmp_path: Path) -> None:
    """Trials in batches of two; the printed command gives the best value again."""
    pytest.importorskip("optuna")
    if not there("joblib"):
        pytest.skip("the extra joblib")
    at_once = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweeper.n_jobs=2"]
    said = done(start([*SEARCH, *at_once, "hydra.sweeper.n_trials=4", "hydra.sweep.dir=swept", "-m"], tmp_path))
    record = json.loads((tmp_path / "swept" / "optimization_results.json").read_text())
    assert record["counts"] == {"complete": 4}
    assert len({trial["folder"] for trial in record["trials"]}) == 4
    assert record["best"]["command"] in said
    words = shlex.split(record["best"]["command"])
    again = words[next(place for place, word in enumerate(words) if word.endswith("train.py")) + 1 :]
    assert run("train", [*again, f"hydra.run.dir={tmp_path / 'again'}"]) == 0
    scores = json.loads((tmp_path / "again" / "results.json").read_text())["scores"]
    assert scores[record["best"]["score"]]["best"] == pytest.approx(record["best"]["value"], rel=1e-6)


def test_a_search_in_memory_goes_on_after_a_trial_that_fails(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    rates = "model.generator_optimizer.lr=1e30,1e-4"
    search = ["hydra/sweeper=optuna", "hydra/sweeper/sampler=grid", "hydra.sweeper.study_name=s"]
    said = done(start([*TINY, rates, *search, "hydra.sweep.dir=swept", "-m"], tmp_path))
    record = json.loads((tmp_path / "swept" / "optimization_results.json").read_text())
    assert record["counts"] == {"complete": 1, "fail": 1}
    assert record["best"]["params"] == {"model.generator_optimizer.lr": "0.0001"}
    assert "1 of 2 jobs failed:" in said
    assert "Best of 2 trials:" in said


def test_pruning_saves_a_third_of_the_epochs(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    epochs, count = 8, 12
    long = [f"trainer.max_epochs={epochs}" if "max_epochs" in word else word for word in SEARCH]
    storage = f"sqlite:///{tmp_path}/study.db"
    median = ["hydra/sweeper/pruner=median", "hydra.sweeper.pruner.n_startup_trials=1"]
    study = [f"hydra.sweeper.n_trials={count}", f"hydra.sweeper.storage={storage}", "hydra.sweep.dir=swept"]
    said = done(start([*long, *median, *study, "-m"], tmp_path))
    found = trials(storage)
    trained = sum(
        json.loads((Path(trial.user_attrs["folder"]) / "results.json").read_text())["epochs"] for trial in found
    )
    pruned = [trial for trial in found if trial.state.name == "PRUNED"]
    assert len(found) == count
    assert len(re.findall("given up by the sweep", said)) == len(pruned)
    saved = 1 - trained / (count * epochs)
    told = f"{len(pruned)} of {count} trials pruned, {trained} of {count * epochs} epochs trained: {saved:.0%} saved"
    print(told)  # noqa: T201  # the figure that the documentation gives
    assert saved >= 0.3, told


# --- a real server


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A PostgreSQL cluster of its own; the server refuses to run as root, so root lends it another user."""
    pytest.importorskip("psycopg")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    program = shutil.which("pg_ctl") or next((str(folder / "pg_ctl") for folder in programs), None)
    if program is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    tools = Path(program).parent
    place = Path(tempfile.mkdtemp(prefix="atelier-pg-", dir="/tmp"))  # pytest's folders are closed to other users
    other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    if other:
        shutil.chown(place, "postgres", "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(*command: str) -> None:
        # The server inherits what it is given: a pipe would never close.
        subprocess.run([*other, *command], check=True, cwd=place, stdout=subprocess.DEVNULL)

    (place / "password").write_text("secret\n", encoding="ascii")
    (place / "password").chmod(0o644)
    call(
        str(tools / "initdb"),
        "-D",
        str(place / "data"),
        "-U",
        "atelier",
        "-A",
        "scram-sha-256",
        f"--pwfile={place}/password",
    )
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1"
    call(str(tools / "pg_ctl"), "-D", str(place / "data"), "-l", str(place / "log"), "-o", options, "-w", "start")
    try:
        yield f"postgresql+psycopg://atelier:secret@127.0.0.1:{port}"
    finally:
        call(str(tools / "pg_ctl"), "-D", str(place / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(place)


def database(server: str, name: str) -> str:
    import psycopg

    with psycopg.connect(server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name of ours
    return f"{server}/{name}"


def test_a_killed_search_on_a_server_ends_with_all_trials_once(postgresql: str, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    killed_and_shared(database(postgresql, "killed"), tmp_path)
