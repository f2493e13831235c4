"""What all tests share: a cache of their own, the configuration by words, and one small trained run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from omegaconf import DictConfig

from tiny import SMALL

# Two processes share two cores: with two threads each, they would wait for one another most of the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Before anything of ours or Lightning's is imported: no test writes to the user's home or asks the network.
os.environ["WANDB_MODE"] = "offline"
os.environ["WANDB_SILENT"] = "true"

Compose = Callable[..., DictConfig]

TINY = (*SMALL, "trainer.max_epochs=2", "trainer.check_val_every_n_epoch=1", "data.subset=360", "data.batch_size=60")
"""A DCGAN on digits that trains in a second."""


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """ATELIER_CACHE for the whole session; single tests may have another."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CACHE", str(folder))
        yield folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ATELIER_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def composed() -> Compose:
    """The checked configuration that words make of train.yaml (or of another root)."""
    from atelier.config.compose import compose
    from atelier.config.environment import register_resolvers
    from atelier.config.fit import misfits
    from atelier.config.words import conf_dir

    register_resolvers()

    def configure(*words: str, root: str = "train") -> DictConfig:
        cfg, mistakes = compose(conf_dir(), root, words)
        assert cfg is not None, mistakes
        assert mistakes + misfits(cfg, {word.split("=")[0] for word in words}) == []
        return cfg

    return configure


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of ``train`` with :data:`TINY` settings; not to be written to."""
    from atelier.cli import run

    folder = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        assert run("train", [*TINY, f"hydra.run.dir={folder}"]) == 0
    return folder
