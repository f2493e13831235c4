from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from atelier.data.images import ImageData
from atelier.data.shards import ShardData
from atelier.data.unpaired import UnpairedData

CONF = Path(__file__).parents[2] / "conf" / "data"
FACTS = {
    "kind",
    "num_classes",
    "labels",
    "epochs",
    "validate_every",
    "width",
    "licence",
    "source",
}


# By kind of data: the facts beyond those, which are optional, and the module.
KINDS = {"single": ({"holds"}, ImageData | ShardData), "unpaired": ({"paired", "counts"}, UnpairedData)}


def load(name: str, *overrides: str) -> DictConfig:
    return OmegaConf.merge({"seed": 3, "data": whole(name)}, OmegaConf.from_dotlist(list(overrides))).data


def whole(name: str) -> DictConfig:
    """The YAML upon the one that it builds on, if it does."""
    node = OmegaConf.load(CONF / f"{name}.yaml")
    parents = [line for line in node.pop("defaults") if isinstance(line, str)]
    return OmegaConf.merge(*map(whole, parents), node)


def lineage(name: str) -> str:
    """The text of the YAML and of those that it builds on."""
    text = (CONF / f"{name}.yaml").read_text()
    parents = [line for line in OmegaConf.load(CONF / f"{name}.yaml").defaults if isinstance(line, str)]
    return text + "".join(map(lineage, parents))


@pytest.mark.parametrize("name", sorted(file.stem for file in CONF.glob("*.yaml")))
def test_every_data_set_is_built_as_described(name: str) -> None:
    text = (CONF / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    node = load(name)
    more, module = KINDS[node.facts.kind]
    assert FACTS <= node.facts.keys() <= FACTS | more
    assert node.facts.labels == (node.facts.num_classes is not None)
    source = [node.source] if "source" in node else []
    for part in (node, *source, *(one.folder for one in source if "folder" in one)):
        assert part.keys() - {"_target_"} <= inspect.signature(get_class(part._target_)).parameters.keys()
    made = instantiate(node)
    assert isinstance(made, module)
    assert made.facts["image_size"] == node.image_size
    (extractor,) = re.findall(r"override /extractor@_global_\.extractor: (\w+)\n", lineage(name))
    assert (CONF.parent / "extractor" / f"{extractor}.yaml").is_file()


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


UNPAIRED = sorted(file.stem for file in CONF.glob("*.yaml") if "DownloadedDomains" in lineage(file.stem))


@pytest.mark.parametrize("name", UNPAIRED)
def test_a_ready_unpaired_set_is_described_as_its_archive_is(name: str) -> None:
    node = load(name)
    made = instantiate(node).source
    assert made.name == made.folder.root.name
    assert all(address.endswith(f"/{made.name}.zip") for address in made.addresses)
    assert made.addresses or "may not give it away" in (CONF / f"{name}.yaml").read_text()
    assert set(made.counts) == {"trainA", "trainB", "testA", "testB"}
    pairs = max(made.counts["trainA"], made.counts["trainB"])
    assert node.facts.epochs == (200 if pairs < 6000 else 42)
    assert not node.facts.paired or len(set(made.counts.values())) == 2


def test_domains_swap_by_one_word() -> None:
    forth, back = (instantiate(load(name)).source.folder for name in ("horse2zebra", "zebra2horse"))
    assert forth.root == back.root
    assert (forth.letters, back.letters) == ({"a": "A", "b": "B"}, {"a": "B", "b": "A"})


def test_choices_of_unpaired_data_reach_its_source() -> None:
    words = ("data.preprocess=crop", "data.load_size=99", "data.image_size=64", "data.channels_b=1", "data.root=here")
    for name in ("unpaired_folder", "horse2zebra"):
        made = instantiate(load(name, *words))
        folder = made.source.folder if name == "horse2zebra" else made.source
        assert [(one.way, one.load_size, one.crop_size, one.channels) for one in folder.preprocess.values()] == [
            ("crop", 99, 64, 3),
            ("crop", 99, 64, 1),
        ]
        assert made.domain("b").facts["channels"] == 1
        assert str(folder.root) == made.facts["root"] == "here"
