from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from atelier.config.build import build
from atelier.config.signature import targets, unfit
from atelier.config.target import resolve
from atelier.config.words import conf_dir
from atelier.types import Mistake

FORBIDDEN = [
    "os.system",
    "builtins.eval",
    "builtins.exec",
    "subprocess.run",
    "subprocess.Popen",
    "torch.os.system",
    "torch.load",
    "torch.hub.load",
    "torchvision.datasets.utils.os.system",
    "torchvision.datasets.utils.download_url",
    "torchmetrics.image.fid.FrechetInceptionDistance",  # a module whose constructor unpickles the weights it is given
    "hydra.utils.get_method",
    "hydra.utils.instantiate",
    "pytorch_lightning.Trainer",  # an alias: configurations name a class where it lives
    "torch.utils.data.dataset.Dataset",
    "atelier.config.build.build",
    "atelier.nowhere.Nothing",
    "atelier.model.gan.Nothing",
    "NoDots",
]


@pytest.mark.parametrize("path", FORBIDDEN)
def test_forbidden_targets_are_refused_by_name(path: str) -> None:
    with pytest.raises(Mistake, match=path.replace(".", r"\.")):
        resolve(path)


def _command(marker: Path) -> dict[str, Any]:
    return {"_target_": "os.system", "_args_": [f"touch {marker}"]}


def _hidden(marker: Path) -> dict[str, dict[str, Any]]:
    """Places in a harmless node where a command may hide."""
    command = _command(marker)
    grid = {"_target_": "atelier.callback.picture.Grid", "rows": 1, "columns": 1, "side": 8}
    return {
        "at the top": command,
        "as an argument": grid | {"side": command},
        "in a list": grid | {"side": [1, [command]]},
        "in a mapping": grid | {"side": {"a": {"b": command}}},
        "among positional arguments": grid | {"_args_": [command]},
        "partial": grid | {"side": command | {"_partial_": True}},
        "under another underscore": grid | {"_recursive_": command},
        "behind an interpolation": {"grid": grid | {"side": "${elsewhere}"}, "elsewhere": command},
    }


@pytest.mark.parametrize("place", list(_hidden(Path())))
def test_a_hidden_command_does_not_run(place: str, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    node = OmegaConf.create(_hidden(marker)[place])
    with pytest.raises(Mistake, match=r"os\.system"):
        build(node.grid if "grid" in node else node)
    assert any("os.system" in mistake for mistake in unfit(node))
    assert not marker.exists()


def _yamls() -> list[Path]:
    return sorted(file for file in conf_dir().glob("*/*.yaml") if file.parent.name != "hydra")


@pytest.mark.parametrize("file", _yamls(), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_target_of_the_configuration_passes(file: Path) -> None:
    node = OmegaConf.load(file)
    assert isinstance(node, DictConfig)
    for _, part in targets(node):
        resolve(part._target_)


def test_facts_reach_only_those_who_ask() -> None:
    linear = {"_target_": "torch.nn.modules.linear.Linear", "in_features": 2, "out_features": 3, "facts": {"a": 1}}
    assert isinstance(build(OmegaConf.create(linear)), torch.nn.Linear)


def test_refusals_of_constructors_are_mistakes() -> None:
    node = OmegaConf.create({"_target_": "torch.nn.modules.linear.Linear", "in_features": "many"})
    with pytest.raises(Mistake, match="Linear"):
        build(node)
    node = OmegaConf.create({"_target_": "atelier.metric.classifier.Classifier", "weights": __file__})
    with pytest.raises(Mistake, match=r"extractor\.weights"):  # ours, though another error lies beneath
        build(node)


def test_a_package_of_ones_own_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_parts.py").write_text("from torch.nn import Identity\nclass Part: pass\ndef make(): pass\n")
    (tmp_path / "own_broken.py").write_text("class Part:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Mistake, match=r"own_parts\.Part may not be a target: .* ATELIER_PACKAGES"):
        resolve("own_parts.Part")
    monkeypatch.setenv("ATELIER_PACKAGES", "own_parts, own_broken,own_absent")
    assert resolve("own_parts.Part").__name__ == "Part"
    with pytest.raises(Mistake, match=r"own_parts\.Identity .* its own name, torch\.nn\.modules\.linear\.Identity"):
        resolve("own_parts.Identity")
    with pytest.raises(Mistake, match=r"own_parts\.make may not be a target: it is no class"):
        resolve("own_parts.make")
    with pytest.raises(Mistake, match=r"own_broken cannot be imported .IndentationError"):
        resolve("own_broken.Part")
    with pytest.raises(Mistake, match=r"no module own_absent .*PYTHONPATH says where packages lie"):
        resolve("own_absent.Part")
    with pytest.raises(Mistake, match=r"os\.system may not be a target"):
        resolve("os.system")
