"""Do the chosen parts fit together? Asked of the facts that the YAMLs declare, before anything is imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.config.compose import FILLED_IN
from atelier.config.words import conf_dir

AXES = (
    "objective",
    "regularizer",
    "augment",
    "latent",
    "condition",
    "schedule",
    "extractor",
    "picture",
    "metric",
)
"""Groups that a model or a callback refers to by ``${...}``: set and referred to by nobody, they would be ignored."""


def misfits(cfg: DictConfig, set_by_user: set[str]) -> list[str]:
    """Every pair of choices that cannot work together, in the user's words.

    cfg: a composed configuration, unresolved.
    set_by_user: the groups named on the command line.
    """
    checks = (_missing, _kind, _labels, _penalty, _interpolations)
    found = [mistake for check in checks for mistake in check(cfg)]
    return found + _unused(cfg, set_by_user)


def _select(cfg: DictConfig, key: str) -> object:
    try:
        return OmegaConf.select(cfg, key)
    except OmegaConfBaseException:
        return None


def _missing(cfg: DictConfig) -> list[str]:
    """Options without a default that were not given."""
    absent = sorted(OmegaConf.missing_keys(cfg) - FILLED_IN)
    return [f"{key} is missing: give it as {key}=..." for key in absent]


def _kind(cfg: DictConfig) -> list[str]:
    needs, kind = _select(cfg, "model.facts.needs"), _select(cfg, "data.facts.kind")
    if not needs or not kind or needs == kind:
        return []
    offers = [file.stem for file in sorted((conf_dir() / "data").glob("*.yaml")) if _kind_of(file.stem) == needs]
    return [
        f"this model wants data of kind {needs!r}, the chosen data is of kind {kind!r}; "
        f"try data={' or data='.join(offers[:3])}"
    ]


def _kind_of(data: str) -> object:
    return OmegaConf.select(OmegaConf.load(conf_dir() / "data" / f"{data}.yaml"), "facts.kind")


def _labels(cfg: DictConfig) -> list[str]:
    if not _select(cfg, "condition.facts.needs_labels") or _select(cfg, "data.facts.labels"):
        return []
    return ["condition=label wants data with labels, and the chosen data has none; leave condition out"]


def _penalty(cfg: DictConfig) -> list[str]:
    """WGAN-GP's penalty is on an image's own gradient: BatchNorm mixes the batch (Gulrajani et al. 2017, 4)."""
    norm = _select(cfg, "model.critic.network.norm._target_")
    penalty = str(_select(cfg, "regularizer._target_") or "")
    if penalty.endswith(".GradientPenalty") and "BatchNorm" in str(norm or ""):
        return [
            "regularizer=gradient_penalty is not valid with BatchNorm in the critic, which ties the images of a batch "
            "together; add model.critic.network.norm=null"
        ]
    return []


def _unused(cfg: DictConfig, set_by_user: set[str]) -> list[str]:
    text = OmegaConf.to_yaml(cfg, resolve=False)
    return [
        f"{axis}=...: nothing in this composition uses a {axis}; leave it out"
        for axis in AXES
        if axis in set_by_user and "${" + axis not in text
    ]


def _interpolations(cfg: DictConfig) -> list[str]:
    """References to options that the chosen parts do not have."""
    broken = []
    for path, text in _references(OmegaConf.to_container(cfg, resolve=False), ""):
        try:
            OmegaConf.select(cfg, path)
        except OmegaConfBaseException:
            broken.append(f"{path} refers to {text}, which the chosen parts do not have")
    return broken


def _references(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """All interpolations below ``node`` with their paths, but for those that wait for a run to start."""
    if isinstance(node, str) and "${" in node and not any(f"${{{name}}}" in node for name in FILLED_IN):
        yield path, node
    elif isinstance(node, dict):
        for name, child in node.items():
            yield from _references(child, f"{path}.{name}" if path else str(name))
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from _references(child, f"{path}[{number}]")
