"""Do the chosen parts fit together? Asked of the facts that the YAMLs declare, before anything is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from atelier.config.axes import PARTS
from atelier.config.words import conf_dir, groups


def misfits(cfg: DictConfig, set_by_user: set[str]) -> list[str]:
    """Every pair of choices that cannot work together, in the user's words.

    cfg: a composed configuration, unresolved.
    set_by_user: the groups named on the command line.
    """
    unused = _unused(cfg, set_by_user)
    if unused:  # what such a part refers to is beside the point
        return unused + [mistake for check in (_missing, _kind, _labels) for mistake in check(cfg)]
    checks = (_missing, _kind, _labels, _images, _picture, _penalty, _code, _output, _channels, _interpolations)
    return [mistake for check in checks for mistake in check(cfg)]


def _select(cfg: DictConfig, key: str) -> object:
    try:
        return OmegaConf.select(cfg, key)
    except OmegaConfBaseException:
        return None


def _missing(cfg: DictConfig) -> list[str]:
    """Options without a default that were not given."""
    absent = [path for path, value in _leaves(OmegaConf.to_container(cfg, resolve=False), "") if value == "???"]
    return [f"{key} is missing: give it as {key}=..." for key in absent]


def _kind(cfg: DictConfig) -> list[str]:
    needs, kind = _select(cfg, "model.facts.needs"), _select(cfg, "data.facts.kind")
    if not needs or not kind or needs == kind:
        return []
    offers = sorted((name for name in groups(conf_dir())["data"] if _kind_of(name) == needs), key=_effort)
    return [
        f"model={_word('model', cfg)} wants data of kind {needs!r}, and data={_word('data', cfg)} is of kind {kind!r}; "
        f"try data={' or data='.join(offers[:3])}"
    ]


def _kind_of(data: str) -> object:
    return OmegaConf.select(_stated(data), "facts.kind")


def _effort(data: str) -> tuple[int, str]:
    """What is embedded comes before a folder of the user's own, and that before what has to be downloaded."""
    stated = _stated(data)
    embedded = "_target_" in stated and not {"root", "urls"} & set(stated)
    return (0 if embedded else 1 if data.endswith("_folder") else 2), data


def _stated(data: str) -> DictConfig:
    """What the YAML of ``data`` says itself."""
    stated = OmegaConf.load(conf_dir() / "data" / f"{data}.yaml")
    assert isinstance(stated, DictConfig)
    return stated


def _labels(cfg: DictConfig) -> list[str]:
    if not _select(cfg, "condition.facts.needs_labels") or _select(cfg, "data.facts.labels"):
        return []
    return [f"condition=label wants data with labels, and data={_word('data', cfg)} has none; leave condition out"]


def _images(cfg: DictConfig) -> list[str]:
    """Colours, shifts and holes are done to images, not to points of a plane."""
    holds = _select(cfg, "data.facts.holds")
    if _select(cfg, "augment.facts.for") != "images" or holds in (None, "images"):
        return []
    chosen = _choice("augment", cfg)
    return [f"augment={chosen} changes images, and data={_word('data', cfg)} gives {holds}; add augment=none"]


def _picture(cfg: DictConfig) -> list[str]:
    """What draws single images cannot draw strips of two domains, and the other way round; points need axes."""
    wanted, kind = _select(cfg, "picture.facts.for"), _select(cfg, "model.facts.needs")
    holds, given = _select(cfg, "picture.facts.holds"), _select(cfg, "data.facts.holds") or "images"
    chosen = _choice("picture", cfg)
    if wanted and kind and wanted != kind:
        return [
            f"picture={chosen} draws what models of {wanted} data make, and model={_word('model', cfg)} wants {kind} "
            "data; leave picture out"
        ]
    if holds and holds != given:
        return [f"picture={chosen} draws {holds}, and data={_word('data', cfg)} gives {given}; leave picture out"]
    return []


def _word(group: str, cfg: DictConfig) -> object:
    """The option of ``group`` that was chosen; "..." for verbs that write no run's folder and keep no such words."""
    return _select(cfg, f"{group}_name") or "..."


def _choice(group: str, cfg: DictConfig) -> str:
    """The option of ``group`` that ``cfg`` holds: of those with its target the most alike; "..." for the user's own."""
    part = _select(cfg, group)
    held = OmegaConf.to_container(part, resolve=False) if isinstance(part, DictConfig) else {}
    assert isinstance(held, dict)
    options: dict[str, Any] = {
        file.stem: OmegaConf.to_container(OmegaConf.load(file), resolve=False)
        for file in sorted((conf_dir() / group).glob("*.yaml"))
    }
    alike = {
        name: sum(held.get(key) == value for key, value in option.items())
        for name, option in options.items()
        if option.get("_target_") == held.get("_target_")
    }
    return max(alike, key=lambda name: alike[name], default="...")


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


def _code(cfg: DictConfig) -> list[str]:
    """A penalty on mean activations needs activations between 0 and 1."""
    wanted, kind = _select(cfg, "sparsity.facts.for"), _select(cfg, "code.facts.kind")
    if not wanted or not kind or wanted == kind:
        return []
    return [
        f"sparsity=kl compares each unit's mean activation with rho as two probabilities, and a {kind} code is not "
        f"between 0 and 1; add code={wanted}, or leave it at sparsity=none"
    ]


def _output(cfg: DictConfig) -> list[str]:
    """A cross-entropy needs levels that are probabilities."""
    if _select(cfg, "reconstruction.facts.for") != "bounded" or _select(cfg, "output.facts.bounded") is not False:
        return []
    return ["reconstruction=bce wants levels between 0 and 1, and output=linear leaves them; add output=sigmoid"]


def _channels(cfg: DictConfig) -> list[str]:
    """An image is left alone only by a generator that takes as many channels as it makes."""
    a, b, identity = (_select(cfg, key) for key in ("data.channels_a", "data.channels_b", "model.identity"))
    if not (a and b and identity) or a == b:
        return []
    return [
        f"data.channels_a={a} and data.channels_b={b}: the identity loss sends images through the generator of their "
        "own domain, which does not take them; add model.identity=0"
    ]


def _unused(cfg: DictConfig, set_by_user: set[str]) -> list[str]:
    if "ckpt" in cfg or OmegaConf.is_missing(cfg, "ckpt"):  # a verb that opens checkpoints reads its axes itself
        return []
    used = _used(cfg)
    return [
        f"{axis}=...: nothing in this composition uses it; leave it out"
        for axis in PARTS
        if axis in set_by_user and axis not in used
    ]


def _used(cfg: DictConfig) -> set[str]:
    """The axes that something refers to which is itself no axis, or a used one."""
    plain: Any = OmegaConf.to_container(cfg, resolve=False)
    waiting = [name for name in plain if name not in PARTS]
    used: set[str] = set()
    while waiting:
        text = str(plain[waiting.pop()])
        found = {axis for axis in PARTS if axis in plain and re.search(rf"[{{:]{axis}\b", text)} - used
        used |= found
        waiting += found
    return used


def _interpolations(cfg: DictConfig) -> list[str]:
    """References to options that the chosen parts do not have."""
    broken: dict[str, str] = {}
    for path, text in _leaves(OmegaConf.to_container(cfg, resolve=False), ""):
        if not isinstance(text, str) or "${" not in text:
            continue
        try:
            OmegaConf.select(cfg, path, throw_on_missing=False)
        except OmegaConfBaseException:
            broken[path] = text
    followers = {f"${{{path}}}" for path in broken}
    return [
        f"{path} refers to {text}, which the chosen parts do not give"
        for path, text in broken.items()
        if not any(follower in text for follower in followers)
    ]


def _leaves(node: Any, path: str) -> Iterator[tuple[str, object]]:
    """All single values below ``node`` with their paths; interpolations as they are written."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield from _leaves(child, f"{path}.{name}" if path else str(name))
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from _leaves(child, f"{path}[{number}]")
    else:
        yield path, node
