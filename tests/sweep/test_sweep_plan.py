"""What is known of a sweep before it begins, and what is refused by name."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from atelier.cli import run
from atelier.config.compose import compose
from atelier.config.environment import register_resolvers
from atelier.config.machinery import absent, machinery, unfit
from atelier.config.override import read
from atelier.config.sweep import covering, draws, expand, joined, left_open, listed, planned, written
from atelier.config.words import conf_dir, groups
from atelier.task import train


@functools.cache
def hydra(*words: str) -> DictConfig:
    register_resolvers()
    found = machinery(conf_dir(), "train", words, None)
    assert found is not None
    return found


def refused(*words: str, devices: object = 1) -> list[str]:
    return unfit(hydra(*words), [OmegaConf.create({"trainer": {"devices": devices}})])


def test_the_command_line_beats_what_is_written_down() -> None:
    params = {"a.lr": "1,2", "b": None, "c": True}
    assert joined(params, ["+b=3,4"]) == ["a.lr=1,2", "c=true", "+b=3,4"]


@pytest.mark.parametrize("word", ["data.root=/my/mnist", "latent.dim=4", "+data.x=[1,2]", "data.root='a, b'"])
def test_keys_of_a_group_that_is_swept_go_as_lists_of_one(word: str) -> None:
    words = ["experiment=dcgan_mnist,gan_mnist", word, "seed=1,2", "hydra.launcher.jobs=2"]
    sent = listed(words, conf_dir())
    assert [sent[0], *sent[2:]] == [words[0], *words[2:]]
    key, _, value = word.partition("=")
    assert sent[1] == f"{key}=choice({value})"
    for ours, theirs in zip(expand(sent), expand(words), strict=True):  # the jobs are the same
        assert [_meaning(each) for each in ours] == [_meaning(each) for each in theirs]


def _meaning(word: str) -> tuple[str, object]:
    override = read(word)
    assert override is not None
    return override.get_key_element(), override.value()


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Sequence[str]]]:
    """What sweeps hand to their launcher, which runs none of it."""
    seen: list[Sequence[Sequence[str]]] = []

    class Noting:
        def launch(self, jobs: Sequence[Sequence[str]], initial_job_idx: int) -> list[object]:
            seen.append(jobs)
            return []

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Plugins, "instantiate_launcher", lambda self, **asked: Noting())
    monkeypatch.setattr(train, "preflight", lambda cfg: [])
    return seen


@pytest.mark.parametrize(
    ("words", "roots"),
    [
        (["data=mnist,fashion_mnist", "data.root=null"], [None, None]),
        pytest.param(["data=mnist,fashion_mnist", "++data.root=null"], [None, None], marks=pytest.mark.thorough),
        (["data=mnist,fashion_mnist", "data.root=null,here"], [None, "here", None, "here"]),
        pytest.param(["experiment=dcgan_mnist,gan_mnist", "data.root=null"], [None, None], marks=pytest.mark.thorough),
        pytest.param(["experiment=dcgan_mnist,gan_mnist", "data.root="], ["", ""], marks=pytest.mark.thorough),
    ],
)
def test_null_and_nothing_reach_a_key_of_a_group_that_is_swept(
    words: list[str], roots: list[str | None], launched: list[Sequence[Sequence[str]]]
) -> None:
    assert run("train", ["-m", *words, "hydra.sweep.dir=sweep"]) == 0
    (jobs,) = launched
    configs = [compose(conf_dir(), "train", job) for job in jobs]
    assert [(None if cfg is None else cfg.data.root, mistakes) for cfg, mistakes in configs] == [
        (root, []) for root in roots
    ]


def test_where_no_group_is_swept_words_go_as_they_are() -> None:
    words = ["model=gan", "seed=1,2", "latent.dim=4"]
    assert listed(words, conf_dir()) == words


def test_few_jobs_show_every_value_and_the_ends_of_intervals() -> None:
    assert covering(["x=1", "a=tag(log, interval(1e-4, 0.1))", "b=p,q,r"]) == [
        ["x=1", "a=0.0001", "b=p"],
        ["x=1", "a=0.1", "b=q"],
        ["x=1", "a=0.1", "b=r"],
    ]
    assert covering([]) == [[]]


def test_a_grid_is_looked_at_whole_and_a_search_at_its_ends() -> None:
    node = hydra("search=dcgan_lr_grid")
    assert not draws(node)
    assert len(planned(node, ["search=dcgan_lr_grid"])) == 9
    node = hydra("search=dcgan_optuna")
    assert draws(node)
    words = ["search=dcgan_optuna", "regularizer=none,r1,r1_r2"]
    jobs = planned(node, words)
    assert len(jobs) == 3
    assert {word for job in jobs for word in job if word.startswith("regularizer")} == {
        "regularizer=none",
        "regularizer=r1",
        "regularizer=r1_r2",
    }
    assert {word for job in jobs for word in job if word.startswith("model.generator_optimizer.lr")} == {
        "model.generator_optimizer.lr=0.0001",
        "model.generator_optimizer.lr=0.01",
    }


@pytest.mark.parametrize("search", groups(conf_dir())["search"])
def test_every_search_composes_in_all_its_jobs(search: str) -> None:
    words = [f"search={search}"]
    node = hydra(*words)
    jobs = planned(node, words)
    assert len(jobs) == {"dcgan_lr_grid": 9, "sparse_rho": 12, "grid": 1}.get(search, 3 if "dcgan" in search else 2)
    for job in (jobs[0], jobs[-1]):
        cfg, mistakes = compose(conf_dir(), "train", job)
        assert cfg is not None
        assert mistakes == []


def test_a_search_without_m_wants_a_value_for_all_it_varies() -> None:
    words = ["search=sparse_rho"]
    node = hydra(*words)
    (text,) = left_open(node, words)
    assert "sparsity.rho, sparsity.weight: add -m" in text
    assert left_open(node, [*words, "sparsity.rho=0.1", "sparsity.weight=3"]) == []
    assert written(node)["sparsity.weight"] == "0.3, 3, 30"


@pytest.mark.parametrize("devices", [2, [0, 1], -1, "2"])
def test_several_devices_want_a_process_per_job(devices: object) -> None:
    assert refused(devices=devices) == []
    (text,) = refused("hydra/launcher=basic", devices=devices)
    assert f"trainer.devices={devices} with hydra/launcher=basic" in text
    assert "use hydra/launcher=process" in text


def test_one_device_goes_with_every_launcher() -> None:
    assert refused("hydra/launcher=basic") == []


@pytest.mark.skipif(importlib.util.find_spec("submitit") is None, reason="the extra submitit")
def test_on_slurm_tasks_are_devices() -> None:
    slurm, four = "hydra/launcher=submitit_slurm", "hydra.launcher.tasks_per_node=4"
    assert refused(slurm) == []
    assert refused(slurm, four, devices=4) == []
    assert f"use {four}" in refused(slurm, devices=4)[0]
    assert "must be the same number" in refused(slurm, four)[0]
    assert "must be the same number" in refused("hydra/launcher=submitit_local", four)[0]
    assert "use hydra/launcher=process" in refused("hydra/launcher=submitit_local", four, devices=4)[0]


def test_pruning_is_refused_where_jobs_cannot_be_asked() -> None:
    (text,) = refused("search=dcgan_optuna", "hydra/launcher=basic")
    assert text.startswith("hydra/sweeper/pruner=median cannot stop jobs of hydra/launcher=basic")
    assert refused("search=dcgan_optuna", "hydra/launcher=basic", "hydra/sweeper/pruner=none") == []


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert absent(["hydra/launcher=submitit_local"]) == [
        "hydra/launcher=submitit_local needs the extra submitit: uv sync --extra submitit"
    ]
    node = hydra("search=dcgan_optuna", "hydra.sweeper.storage='postgresql+psycopg://host/db'")
    assert unfit(node, [])[0] == "hydra/sweeper=optuna needs the extra optuna: uv sync --extra optuna"
    assert unfit(node, [])[1].endswith("uv sync --extra postgresql")


def test_mistakes_in_parameters_are_told_before_the_first_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("train", ["search=sparse_rho", "-m", "data.batch_sise=1,2"]) == 2
    assert run("train", ["search=sparse_rho"]) == 2
    assert run("train", ["model=dcgan", "seed=interval(0,3)", "-m"]) == 2
    told = capfd.readouterr().err
    assert "data.batch_sise; did you mean batch_size?" in told
    assert "add -m to search" in told
    assert "seed=interval(0,3): an interval is for sweepers that draw" in told
    assert list(tmp_path.iterdir()) == []
