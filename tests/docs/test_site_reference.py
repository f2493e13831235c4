from __future__ import annotations

import re

import pytest
from arguments import arguments, spelled
from keys import comments, keys
from omegaconf import OmegaConf
from reference import pages

from atelier.cli.verbs import VERBS
from atelier.config.words import conf_dir, describe, groups

CONF = conf_dir()


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages(CONF)


def test_every_option_of_every_group_is_named_and_described(made: dict[str, str]) -> None:
    for group, options in groups(CONF).items():
        for option in options:
            page, text = made[group], describe(CONF / group / f"{option}.yaml")
            assert f"## {group}={option} " in page
            shown = text.replace("|", "&#124;").replace("<", "&lt;").replace("*", "&#42;")
            assert shown in page, (group, option)
    assert all(f"## {verb}\n" in made["verbs"] for verb in VERBS)


def _leaves(node: object, path: str) -> set[str]:
    if not isinstance(node, dict):
        return {path}
    if path.endswith(".counts"):
        return {path}
    below = {name: child for name, child in node.items() if name not in ("defaults", "hydra") and name[0] != "_"}
    return {leaf for name, child in below.items() for leaf in _leaves(child, f"{path}.{name}")} if below else set()


def test_every_key_of_every_option_has_its_row(made: dict[str, str]) -> None:
    for file in sorted(CONF.glob("*/*.yaml")):
        if file.read_text().startswith("# @package _global_"):
            continue  # recipes are shown as they stand
        group = file.parent.name
        section = made[group].split(f"## {group}={file.stem} ")[1].split("\n## ")[0]
        rows = set(re.findall(r"^\| `([^`]+)`", section, re.M))
        content = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
        assert _leaves(content, group) <= rows, file


def test_a_row_has_default_type_and_the_docstrings_words() -> None:
    rows = {key.name: key for key in keys(CONF / "model" / "dcgan.yaml", "model")}
    assert rows["model.generator_optimizer.lr"][1:3] == ("0.0002", "float or Tensor")
    assert rows["model.discriminator_turns"][1:3] == ("1", "int")
    assert rows["model.discriminator_turns"].text.startswith("batches on which D moves before G moves once")
    assert rows["model.clip"][1:3] == ("null", "float or null")
    data = {key.name: key for key in keys(CONF / "data" / "horse2zebra.yaml", "data")}
    assert data["data.pairing"].text == "random, or serial: both domains in step."
    assert data["data.facts.epochs"].text.startswith("of the usual recipe")


def test_docstrings_are_read_in_all_their_forms() -> None:
    pool = arguments("atelier.callback.checkpoints.Checkpoints")
    assert pool["every_n_minutes"].text == pool["every_n_batches"].text != ""
    clustering = arguments("atelier.metric.clustering.Clustering")
    assert (clustering["starts"].text, clustering["seed"].text) == (
        "runs of k-means, of which the tightest counts.",
        "of the first centres.",
    )
    assert arguments("atelier.game.latent.Normal")["dim"].text == "length of a latent vector."
    assert arguments("torch.optim.adam.Adam")["lr"].text
    assert arguments("os.system") == {}


def test_types_are_words() -> None:
    assert spelled(tuple[float, float]) == "[float, float]"
    assert spelled(list[int] | None) == "list of int or null"


def test_a_comment_belongs_to_the_key_below_it() -> None:
    text = "# first\na:\n  # of b,\n  # in two lines\n  b: 1\n  c: 2\n# of d\nd: 3\n"
    assert comments(text) == {"a.b": "of b, in two lines", "d": "of d"}
