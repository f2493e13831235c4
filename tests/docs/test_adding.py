"""The worked examples of «adding your own»: written out, checked, and trained with."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch
from said import ROOT, files

from atelier.cli import run
from atelier.config.compose import compose
from atelier.config.dry_run import dry_run
from atelier.config.environment import register_resolvers
from atelier.config.fit import misfits
from atelier.config.words import conf_dir, describe
from atelier.objective.least_squares import LeastSquares

SMALL = ["trainer=cpu", "trainer.max_epochs=1", "trainer.check_val_every_n_epoch=1", "callback.report=null"]
GAN = ["model.generator.width=4", "model.critic.network.width=4", "data.batch_size=60"]

WAYS = {
    "objective": ["model=dcgan", "data=digits", "objective=smoothed", "objective.target=0.8", *GAN],
    "data": ["model=dcgan", "data=circles", "condition=label", *GAN],
    "model": ["model=vae", "data=digits", "latent.dim=8", "data.subset=180"],
}


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of one page, its modules within reach of ``import atelier``."""
    for name, text in files(ROOT / "docs" / "adding" / f"{request.param}.md").items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for package in (tmp_path / "src" / "atelier").glob("*"):
        home = importlib.import_module(f"atelier.{package.name}")
        monkeypatch.setattr(home, "__path__", [*home.__path__, str(package)])
    return tmp_path


@pytest.mark.parametrize(
    ("place", "words"),
    [pytest.param(*way, marks=[] if way[0] == "objective" else pytest.mark.slow) for way in WAYS.items()],
    indirect=["place"],
    ids=WAYS,
)
def test_an_example_passes_the_check_and_its_own_tests(place: Path, words: list[str]) -> None:
    register_resolvers()
    cfg, mistakes = compose(conf_dir(), "train", words, place / "conf")
    assert cfg is not None, mistakes
    assert mistakes + misfits(cfg, {word.partition("=")[0] for word in words}) + dry_run(cfg) == []
    assert all(describe(file) for file in (place / "conf").rglob("*.yaml"))
    (file,) = (place / "tests").rglob("test_*.py")
    namespace: dict[str, object] = {"__name__": file.stem}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    tests = [value for name, value in namespace.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        assert callable(test)
        test()


@pytest.mark.slow
@pytest.mark.parametrize(("place", "words"), WAYS.items(), indirect=["place"], ids=WAYS)
def test_an_example_trains_and_its_checkpoint_opens(
    place: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    assert run("train", [*words, *SMALL, "--config-dir", "conf", "hydra.run.dir=run"]) == 0
    assert json.loads(Path("run/results.json").read_text())["scores"]["val/fd_digits"]["last"] > 0
    assert run("sample", ["ckpt=run", "samples=4", "hydra.run.dir=made"]) == 0
    assert len(list(Path("made").glob("[0-9].png"))) == 4


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of the page of packages in the current folder, which Python searches."""
    for name, text in files(ROOT / "docs" / "adding" / "package.md").items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    monkeypatch.delitem(sys.modules, "mine.pearson", raising=False)


def test_a_package_of_ones_own_is_trusted_by_the_environment_alone(
    package: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny = ["model=dcgan", "data=digits", "data.subset=60", "data.batch_size=30", *SMALL, *GAN[:2]]
    words = [*tiny, "callback.gallery=null", "callback.scoreboard=null", "objective=pearson", "hydra.run.dir=run"]
    assert run("train", [*words, "--config-dir", "my_conf"]) == 2
    assert "objective._target_: mine.pearson.Pearson may not be a target" in capfd.readouterr().err
    monkeypatch.setenv("ATELIER_PACKAGES", "another, mine")
    assert run("train", [*words, "--config-dir", "my_conf"]) == 0
    assert f" --config-dir={Path('my_conf').absolute()} model=dcgan" in capfd.readouterr().out
    assert run("sample", ["ckpt=run", "samples=1", "hydra.run.dir=made"]) == 0
    # Words are composed with those of the start, which need the same folder.
    assert run("train", ["resume=run", "trainer.max_epochs=2"]) == 0
    assert run("train", ["resume=run", "trainer.max_epochs=3"]) == 0
    assert json.loads(Path("run/results.json").read_text())["epochs"] == 3
    Path("my_conf").rename("moved")
    capfd.readouterr()
    assert run("train", ["resume=run", "trainer.max_epochs=4"]) == 2
    assert "--config-dir" in capfd.readouterr().err
    assert run("train", ["resume=run", "trainer.max_epochs=4", "--config-dir", "moved"]) == 0
    monkeypatch.delenv("ATELIER_PACKAGES")
    assert run("sample", ["ckpt=run", "hydra.run.dir=again"]) == 2
    assert "best.ckpt" in (said := capfd.readouterr().err) or "last.ckpt" in said
    assert "mine.pearson.Pearson may not be a target" in said


def test_the_example_of_a_package_is_least_squares_stretched(package: None) -> None:
    pearson, real, fake = importlib.import_module("mine.pearson").Pearson(), torch.rand(5), torch.rand(5)
    ours, theirs = pearson.discriminator(2 * real - 1, 2 * fake - 1), LeastSquares().discriminator(real, fake)
    torch.testing.assert_close(ours, 4 * theirs)
    torch.testing.assert_close(-pearson.discriminator(*2 * [torch.zeros(3)]), torch.tensor(pearson.equilibrium))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("model", ["model=small_dcgan", "data=digits"]),
        ("data", ["data=leaves", "model=dcgan"]),
    ],
    indirect=["place"],
    ids=["model", "data"],
)
def test_a_variant_is_one_yaml(place: Path, words: list[str]) -> None:
    register_resolvers()
    cfg, mistakes = compose(conf_dir(), "train", words, place / "conf")
    assert cfg is not None, mistakes
    assert mistakes + misfits(cfg, set()) + dry_run(cfg) == []
