"""Studies that workers share, without any training: parameters, resuming, taking over."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from atelier.cli.outcome import Outcome
from atelier.types import Mistake

optuna = pytest.importorskip("optuna", reason="the extra optuna")

from hydra_plugins.atelier_optuna import _study, _worker  # noqa: E402  # what they need may be absent
from hydra_plugins.atelier_optuna._report import ended  # noqa: E402  # as above
from hydra_plugins.atelier_optuna._space import grid, n_combinations, parsed  # noqa: E402  # as above
from hydra_plugins.atelier_optuna._storage import alone, opened, shown  # noqa: E402  # as above
from hydra_plugins.atelier_optuna._study import SharedStudy  # noqa: E402  # as above
from hydra_plugins.atelier_optuna.sweeper import OptunaSweeper  # noqa: E402  # as above

Make = Callable[..., SharedStudy]

WORDS = ["seed=3", "x=interval(-1, 1)", "y=1,2,3"]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def study(words: list[str] = WORDS, **changes: Any) -> SharedStudy:
        settings: dict[str, Any] = {
            "name": "s",
            "storage": f"sqlite:///{tmp_path}/study.db",
            "direction": "minimize",
            "sampler": lambda seed: optuna.samplers.RandomSampler(seed=seed),
            "pruner": optuna.pruners.NopPruner(),
            "seed": 0,
            "n_trials": 6,
        }
        return SharedStudy(parsed(words), **(settings | changes))

    return study


def drain(study: SharedStudy, limit: int = 100) -> list[dict[str, Any]]:
    """Train trials by a formula until there are none left, or ``limit`` of them."""
    done: list[dict[str, Any]] = []
    while len(done) < limit and (taken := study.take()) is not None:
        params = taken.trial.params
        study.finish(taken.trial, params["x"] ** 2 + int(params["y"]))
        done.append(params)
    return done


def elsewhere(monkeypatch: pytest.MonkeyPatch, pid: int = 2**22 + 5) -> dict[str, Any]:
    """From now on this process counts as another one, whose number no process has."""
    gone = _worker.myself() | {"pid": pid, "started": "1"}
    monkeypatch.setattr(_study, "myself", lambda: gone)
    return gone


def test_hydras_notation_becomes_distributions() -> None:
    space = parsed(
        [
            "a=tag(log, interval(1e-4, 1e-2))",
            "b=int(interval(2, 9))",
            "c=range(1, 10, 3)",
            "d=choice([0,0.9],[0.5,0.9])",
            "+e='x,y',null,true",
            "f=range(0.5, 2, 0.5)",
            "g=tag(log, range(1, 9))",
            "fixed='a b'",
        ]
    )
    spread = space.distributions
    assert spread["a"] == optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True)
    assert spread["b"] == optuna.distributions.IntDistribution(2, 9)
    assert spread["c"] == optuna.distributions.IntDistribution(1, 7, step=3)
    assert spread["d"] == optuna.distributions.CategoricalDistribution(["[0,0.9]", "[0.5,0.9]"])
    assert spread["f"] == optuna.distributions.FloatDistribution(0.5, 1.5, step=0.5)
    assert spread["g"] == optuna.distributions.IntDistribution(1, 8, log=True)
    assert spread["+e"] == optuna.distributions.CategoricalDistribution(["'x,y'", "null", "True"])
    assert space.fixed == ["fixed='a b'"]
    assert space.words({"a": 1e-05, "+e": "'x,y'"}) == ["fixed='a b'", "a=1e-05", "+e='x,y'"]


@pytest.mark.parametrize(
    "word", ["a=tag(exp, interval(1, 2))", "a=tag(log, interval(-1, 1))", "a=tag(log, choice(1,2))"]
)
def test_what_cannot_be_drawn_is_refused_by_its_word(word: str) -> None:
    with pytest.raises(Mistake, match="a="):
        parsed([word])


@pytest.mark.parametrize("steps", [2, 3, 7, 11])
@pytest.mark.parametrize("step", ["0.1", "0.3", "0.05", "1e-4", "0.25"])
@pytest.mark.parametrize("low", ["0.0", "0.1", "-0.7"])
@pytest.mark.filterwarnings("error")  # Optuna's way of saying that it leaves values out
def test_a_range_of_fractions_keeps_its_last_value(low: str, step: str, steps: int) -> None:
    values = [float(Decimal(low) + number * Decimal(step)) for number in range(steps)]
    end = Decimal(low) + (steps - Decimal("0.5")) * Decimal(step)
    space = parsed([f"x=range({low}, {end}, {step})"])
    assert grid(space) == {"x": values}
    study = optuna.create_study(sampler=optuna.samplers.GridSampler(grid(space), seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", values[0], values[-1], step=float(step)), n_trials=steps)
    assert sorted(study.trials_dataframe()["params_x"]) == pytest.approx(values)
    assert sorted(space.words(trial.params)[0] for trial in study.trials) == sorted(f"x={value}" for value in values)


def test_a_range_of_one_number_is_no_interval() -> None:
    assert grid(parsed(["x=range(0.1, 0.2, 0.1)"])) == {"x": [0.1]}


def test_a_grid_has_every_combination_and_no_interval() -> None:
    space = parsed(["a=range(1, 4)", "b=x,y"])
    assert grid(space) == {"a": [1, 2, 3], "b": ["x", "y"]}
    assert n_combinations(space) == 6
    with pytest.raises(Mistake, match="sampler=grid"):
        grid(parsed(["a=interval(0, 1)"]))


def test_a_grid_is_gone_through_once(make: Make) -> None:
    space = parsed(["x=range(1, 4)", "y=1,2"])
    done = drain(make(["x=range(1, 4)", "y=1,2"], sampler=lambda _: optuna.samplers.GridSampler(grid(space), seed=0)))
    assert len({(params["x"], params["y"]) for params in done}) == 6


def test_a_study_that_was_cut_off_goes_on_as_if_it_had_not_been(make: Make, tmp_path: Path) -> None:
    whole = drain(make(storage=None))
    first = drain(make(), 2)
    assert first + drain(make()) == whole
    assert len(whole) == 6
    assert drain(make()) == []
    assert drain(make(n_trials=8)) == drain(make(storage=None, n_trials=8))[6:]


def test_a_dead_workers_trial_is_trained_again_under_its_number(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        elsewhere(patch)
        lost = make().take()
    assert lost is not None
    again = make()
    taken = again.take()
    assert taken is not None
    assert (taken.trial.number, taken.trial.params) == (lost.trial.number, lost.trial.params)
    again.finish(taken.trial, 0.5)
    drain(again)
    states = [trial.state.name for trial in again.study.trials]
    assert states == ["COMPLETE"] * 6


def test_a_living_workers_trial_is_left_to_it(make: Make) -> None:
    first, second = make(), make()
    one, other = first.take(), second.take()
    assert one is not None
    assert other is not None
    assert (one.trial.number, other.trial.number) == (0, 1)
    assert one.trial.params != other.trial.params
    assert len(drain(second)) == 4
    assert second.take() is None  # all six are taken, two are being worked on
    assert first.finish(one.trial, 1.0)


def test_a_worker_that_slept_too_long_gives_way(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        elsewhere(patch)
        sleeper = make()
        slept = sleeper.take()
    assert slept is not None
    awake = make()
    taken = awake.take()
    assert taken is not None
    assert taken.trial.number == slept.trial.number
    assert not sleeper.finish(slept.trial, 9.0)
    assert awake.finish(taken.trial, 1.0)
    assert awake.study.trials[taken.trial.number].value == 1.0


def test_on_another_machine_silence_decides() -> None:
    far = {"pid": 1, "place": "another", "started": "1", "host": "far"}
    assert not _worker.dead(far, beat=1000.0, now=1000.0 + _worker.GRACE_SECONDS - 1)
    assert _worker.dead(far, beat=1000.0, now=1000.0 + _worker.GRACE_SECONDS + 1)
    assert not _worker.dead(_worker.myself(), beat=0.0)


def test_what_has_no_finite_value_has_failed_and_the_others_go_on(make: Make) -> None:
    study = make()
    for value in (float("nan"), None, 2.0):
        taken = study.take()
        assert taken is not None
        study.finish(taken.trial, value)
    drain(study)
    assert [trial.state.name for trial in study.study.trials][:3] == ["FAIL", "FAIL", "COMPLETE"]
    assert len(study.study.trials) == 6


def test_a_study_keeps_to_its_question(make: Make) -> None:
    make()
    with pytest.raises(Mistake, match="begun with seed=3"):
        make(["seed=4", *WORDS[1:]])
    with pytest.raises(Mistake, match="direction=maximize"):
        make(direction="maximize")
    study = make()
    assert study.take() is not None
    with pytest.raises(Mistake, match="study_name=s"):
        make(["seed=3", "x=interval(-1, 1)", "y=1,2,4"], n_trials=8).take()


def test_only_one_worker_is_behind_the_door(tmp_path: Path) -> None:
    import filelock

    url = f"sqlite:///{tmp_path}/study.db"
    with alone(opened(url), url, "s"), pytest.raises(filelock.Timeout):
        filelock.FileLock(f"{tmp_path}/study.db.lock").acquire(timeout=0)


def test_storages_are_named_without_their_passwords() -> None:
    assert shown("postgresql+psycopg://me:secret@host/db") == "postgresql+psycopg://me:***@host/db"
    assert shown(None) is None
    with pytest.raises(Mistake, match=r"hydra\.sweeper\.storage=mysql"):
        opened("mysql://host/db")


def test_workers_on_one_file_share_without_treading_on_each_other(make: Make) -> None:
    """Two threads stand for two processes: the door is a lock on a file for both."""
    import threading

    done: list[dict[str, Any]] = []

    def work(study: SharedStudy) -> None:
        done.extend(drain(study))

    workers = [threading.Thread(target=work, args=(make(n_trials=10),)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    study = make(n_trials=10).study
    assert [trial.number for trial in study.trials] == list(range(10))
    assert len({trial.params["x"] for trial in study.trials}) == 10
    assert len(done) == 10


def test_the_seed_decides_every_draw(make: Make) -> None:
    tpe = functools.partial(optuna.samplers.TPESampler, n_startup_trials=2, multivariate=True)
    one, same, other = (drain(make(storage=None, sampler=lambda s: tpe(seed=s), seed=seed)) for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    "pruner",
    [optuna.pruners.MedianPruner(n_startup_trials=1), optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)],
    ids=["median", "hyperband"],
)
def test_pruners_judge_by_the_scores_on_the_way(make: Make, pruner: Any) -> None:
    """Values are y at every validation, so the best of them has nothing to fear, and the others may be given up."""
    study, given_up, ended = make(["y=range(0, 40)"], storage=None, pruner=pruner, n_trials=20), [], []
    while (taken := study.take()) is not None:
        value = float(taken.trial.params["y"])
        for step in range(1, 10):
            taken.trial.report(value, step)
            if taken.trial.should_prune():
                given_up.append(value)
                study.finish(taken.trial, value, pruned=True)
                break
        else:
            ended.append(value)
            study.finish(taken.trial, value)
    assert len(given_up) >= 5
    assert min(given_up) > min(ended)
    best = study.best()
    assert best is not None
    assert best.value == min(given_up + ended)
    assert [trial.state.name for trial in study.study.trials].count("PRUNED") == len(given_up)


def test_what_others_have_ended_stands_in_the_table(make: Make) -> None:
    first = make(n_trials=3)
    drain(first, 1)
    failed, waiting = first.take(), first.take()
    assert failed is not None and waiting is not None
    failed.trial.set_user_attr("folder", "swept/1")
    first.finish(failed.trial, None)
    trials = first.study.trials
    words = [["seed=3", *(f"{key}={value}" for key, value in trial.params.items())] for trial in trials]
    assert ended(make(n_trials=3)) == [
        Outcome(0, words[0], "done", trials[0].value, "", ""),
        Outcome(1, words[1], "failed", None, "", "swept/1", "see swept/1"),
    ]


class CutOff:
    """Ends one trial, begins with another and is told to stop."""

    def __init__(self, study: SharedStudy) -> None:
        self.study = study

    def work(self, told: list[Outcome]) -> None:
        taken = self.study.take()
        assert taken is not None
        for name, value in (("folder", "swept/0"), ("score", "val/fd")):
            taken.trial.set_user_attr(name, value)
        self.study.finish(taken.trial, 2.0)
        told.append(Outcome(0, [], "done", 2.0, "val/fd", "swept/0"))
        self.study.take()
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("storage", "said"),
    [("sqlite:///{}/study.db", "the same command goes on with this study"), (None, "storage=sqlite:///study.db would")],
)
def test_a_search_that_is_cut_off_tells_its_best_and_how_to_go_on(
    storage: str | None, said: str, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study = make(storage=storage and storage.format(tmp_path))

    class Search(OptunaSweeper):
        def _study(self, space: Any, words: Any) -> SharedStudy:
            return study

        def _crew(self, study: SharedStudy, folder: Path) -> CutOff:
            return CutOff(study)

    sweeper = Search(sampler=optuna.samplers.RandomSampler, pruner=optuna.pruners.NopPruner(), n_trials=6)
    sweeper.config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    with caplog.at_level("INFO"), pytest.raises(KeyboardInterrupt):
        sweeper.sweep(WORDS)
    record = json.loads((tmp_path / "optimization_results.json").read_text())
    assert record["counts"] == {"complete": 1, "stopped": 1}
    assert record["best"]["value"] == 2.0
    assert (tmp_path / "sweep.csv").exists()
    assert said in caplog.text and "other workers" not in caplog.text
