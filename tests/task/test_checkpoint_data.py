"""Where the data of a checkpoint is looked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf
from torch import nn

import made_up
from atelier.checkpoint import Loaded
from atelier.task.inputs import checkpoint_data
from atelier.types import Mistake

Compose = Callable[..., DictConfig]


def stored(cfg: DictConfig) -> Loaded:
    """A checkpoint of ``cfg``, of which only the data matters."""
    data = OmegaConf.to_container(cfg.data, resolve=True)
    return Loaded(nn.Identity(), OmegaConf.create({"data": data}), Path("last.ckpt"))  # type: ignore[arg-type]


def at(root: Path) -> DictConfig:
    return OmegaConf.create({"root": str(root)})


@pytest.mark.parametrize("name", ["horse2zebra", "unpaired_folder"])
def test_two_domains_are_found_where_root_says(name: str, composed: Compose, tmp_path: Path) -> None:
    words = ["model=cyclegan", f"data={name}", "data.image_size=16", "data.load_size=18"]
    loaded = stored(composed(*words, f"data.root={tmp_path}/gone"))
    data = checkpoint_data(at(made_up.domains(tmp_path / "here")), loaded)
    assert data.facts["root"] == str(tmp_path / "here")
    assert (data.domain("a").size("train"), data.domain("b").size("test")) == (8, 6)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["model=gan", "data=digits"], "is embedded and has no folder"),
        (["model=gan", "data=webdataset"], r"data\.urls=.*/train-\*\.tar.* put them there again"),
    ],
)
def test_what_has_no_folder_says_so(words: list[str], told: str, composed: Compose, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=f"root={tmp_path}: .*{told}"):
        checkpoint_data(at(tmp_path), stored(composed(*words)))
