"""Other choices for a run that was trained: one that is suggested is accepted, and changes something."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from atelier.augment.corruption import Masking
from atelier.augment.none import NoAugment
from atelier.objective.hinge import Hinge
from atelier.objective.reconstruction import L1
from atelier.regularizer.none import NoRegularizer
from atelier.regularizer.r1 import R1
from atelier.run_folder import RunFolder


class Variant(NamedTuple):
    """An axis, an option of it, and the class that the option's YAML names."""

    axis: str
    option: str
    made: type

    def __str__(self) -> str:
        """As it is typed."""
        return f"{self.axis}={self.option}"


GAMES = (Variant("objective", "hinge", Hinge), Variant("regularizer", "r1", R1))
_NOTHING = {"regularizer": NoRegularizer, "augment": NoAugment}
CODES = (Variant("corruption", "masking", Masking), Variant("reconstruction", "l1", L1))


def configuration_of(run: RunFolder) -> Mapping[str, Any]:
    """The plain values of ``run``'s stored configuration; none where it has none."""
    found: Any = OmegaConf.to_container(OmegaConf.load(run.config)) if run.config.exists() else {}
    return dict(found)


def chosen(cfg: Mapping[str, Any], axis: str) -> str | None:
    """The target of what stands at ``axis``, where the model holds it; None where nothing would come of the axis."""
    part = cfg.get(axis)
    # References are resolved in a stored configuration: a part that the model refers to stands in it once more.
    return str(part.get("_target_")) if isinstance(part, Mapping) and _holds(cfg.get("model"), part) else None


def named(made: type) -> str:
    """How a YAML names the class ``made``."""
    return f"{made.__module__}.{made.__qualname__}"


def retyped(cfg: Mapping[str, Any], words: Sequence[str], variants: Sequence[Variant]) -> list[str]:
    """``words`` with the first of ``variants`` that changes the run; with another seed where none does.

    An axis that ``words`` choose or set an option of stays as it is.
    """
    typed = {_axis(word) for word in words}
    for variant in variants:
        if variant.axis not in typed and chosen(cfg, variant.axis) not in (None, named(variant.made)):
            return [*words, str(variant)]
    seeds = 2**32
    return [*(word for word in words if _axis(word) != "seed"), f"seed={(cfg.get('seed', 0) + 1) % seeds}"]


def helpful(cfg: Mapping[str, Any], ways: Sequence[str]) -> list[str]:
    """Those of ``ways`` out of trouble that a run of ``cfg`` can still go.

    A way that is a choice ("regularizer=r1") is left out where the run has made another than none, or where nothing
    would come of it.
    """
    return [way for way in ways if not cfg or _open(cfg, _axis(way))]


def _open(cfg: Mapping[str, Any], axis: str) -> bool:
    return axis not in _NOTHING or chosen(cfg, axis) == named(_NOTHING[axis])


def _axis(word: str) -> str:
    return re.split(r"[.@=]", word.lstrip("+~"), maxsplit=1)[0]


def _holds(node: object, part: Mapping[str, Any]) -> bool:
    return node == part or (isinstance(node, Mapping) and any(_holds(child, part) for child in node.values()))
