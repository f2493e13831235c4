"""Workspaces built by code: into a file, without a server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atelier.callback.score_history import Board
from atelier.callback.translation_judge import TranslationJudge
from atelier.cli import run
from atelier.config.build import build
from atelier.task.dashboard_sections import FAMILIES

pytest.importorskip("wandb_workspaces", reason="the extra `dashboard`")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path


def test_without_an_account_it_says_so_before_anything_else(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("dashboard", ["project=atelier", "family=unknown"]) == 2
    told = capsys.readouterr().err
    assert "no account is configured" in told
    assert "unknown" not in told
    assert not list(here.iterdir())


def test_every_family_has_its_workspace(here: Path) -> None:
    assert run("dashboard", ["project=mine", "entity=me", "file=made.json"]) == 0
    made = json.loads((here / "made.json").read_text(encoding="utf-8"))
    assert made.keys() == FAMILIES.keys()
    for family, content in made.items():
        text = json.dumps(content)
        assert f"atelier: {family}" in text
        for part in FAMILIES[family]:
            assert part.title in text
            for name in [*part.pictures, *part.machine, *(name for panel in part.panels for name in panel.names)]:
                assert json.dumps(name) in text, name


def test_mistakes_are_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("dashboard", ["family=gna", "file=none/made.json"]) == 2
    told = capsys.readouterr().err
    assert "family=gna: there is no such family; did you mean gan?" in told
    assert "file=none/made.json: there is no such folder" in told


RECIPES = {
    "gan": ("dcgan_digits", "dcgan_cifar10"),
    "cyclegan": ("cyclegan_horse2zebra", "cyclegan_stripes"),
    "autoencoder": ("autoencoder_digits", "sparse_autoencoder_mnist"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_charts_of_scores_show_what_the_family_takes(family: str, composed: Callable[..., Any]) -> None:
    taken = [_scores(composed(f"experiment={recipe}")) for recipe in RECIPES[family]]
    patterns = [panel.pattern for part in FAMILIES[family] if part.title == "Scores" for panel in part.panels]
    for pattern in patterns:
        assert pattern is not None
        assert any(re.search(pattern, name) for names in taken for name in names), pattern
    for first, *_ in taken:  # the figure that counts
        assert any(pattern and re.search(pattern, first) for pattern in patterns), first


def _scores(cfg: Any) -> list[str]:
    """What the boards of a configuration can take, with what only its data makes possible."""
    if cfg.data_name == "stripes":
        cfg.data.source.train = cfg.data.source.test = 2  # the truth is known of any number
        judge = TranslationJudge(build(cfg.extractor), build(cfg.metric))
        judge.expect(build(cfg.data), cfg.data.eval_split)
        return [f"val/{name}" for name in judge.names]
    boards = [callback for node in cfg.callback.values() if isinstance(callback := build(node), Board)]
    return [name for board in boards for name in board.history.higher]
