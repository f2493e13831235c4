from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from atelier.data.images import ImageData

CONF = Path(__file__).parents[2] / "conf" / "data"
FACTS = {
    "kind",
    "num_classes",
    "labels",
    "extractor",
    "epochs",
    "validate_every",
    "width",
    "licence",
    "source",
}


def load(name: str, *overrides: str) -> DictConfig:
    node = OmegaConf.load(CONF / f"{name}.yaml")
    node.pop("defaults")
    return OmegaConf.merge({"seed": 3, "data": node}, OmegaConf.from_dotlist(list(overrides))).data


@pytest.mark.parametrize("name", sorted(file.stem for file in CONF.glob("*.yaml")))
def test_every_data_set_is_built_as_described(name: str) -> None:
    text = (CONF / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    node = load(name)
    assert node.facts.keys() == FACTS
    assert node.facts.labels == (node.facts.num_classes is not None)
    for part in (node, node.source):
        assert part.keys() - {"_target_"} <= inspect.signature(get_class(part._target_)).parameters.keys()
    made = instantiate(node)
    assert isinstance(made, ImageData)
    assert made.facts["image_size"] == node.image_size
    assert f"override /extractor@_global_.extractor: {node.facts.extractor}\n" in text


def test_shape_and_root_reach_the_source() -> None:
    made = instantiate(load("image_folder", "data.image_size=48", "data.channels=1", "data.root=somewhere"))
    assert (made.source.shape.image_size, made.source.shape.channels) == (48, 1)
    assert str(made.source.root) == made.facts["root"] == "somewhere"


def test_roots_lie_below_the_data_folder_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATELIER_DATA", raising=False)
    assert load("mnist").root == "data/mnist"
    monkeypatch.setenv("ATELIER_DATA", "elsewhere")
    assert load("mnist").root == "elsewhere/mnist"


def test_labels_filter_from_the_command_line() -> None:
    made = instantiate(load("digits", "data.classes=[3]"))
    assert set(next(made.reals("test")).labels.tolist()) == {3}
