"""Building what a configuration names; the only module that imports Hydra's instantiate."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import hydra.utils
from hydra.errors import InstantiationException
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, ListConfig, OmegaConf

from atelier.config.signature import as_floats, hints, targets
from atelier.config.target import resolve
from atelier.types import Mistake


def build(node: DictConfig) -> Any:
    """The object that ``node`` describes, with all its parts.

    Every target passes the gate first. Facts that a node declares about itself reach its constructor only if
    it asks for them. Lists and mappings arrive as plain Python.

    Raises:
        Mistake: for a target that may not be built, or a value that a constructor refuses.
    """
    # A resolved copy: interpolations that point out of the node are settled, and the nodes that they bring
    # are seen.
    plain = OmegaConf.create(OmegaConf.to_container(node, resolve=True))
    assert isinstance(plain, DictConfig)
    for _, part in targets(plain):
        target = resolve(str(part._target_))
        if "facts" in part and "facts" not in inspect.signature(target).parameters:
            del part["facts"]
        for name, hint in hints(target).items():
            if isinstance(part.get(name), ListConfig):
                part[name] = as_floats(list(part[name]), hint)
    try:
        return hydra.utils.instantiate(plain, _convert_="all")
    except InstantiationException as error:
        causes = list(_causes(error))
        if mistake := next((cause for cause in causes if isinstance(cause, Mistake)), None):
            raise Mistake(str(mistake)) from None
        # What torch or Lightning refuse in their constructors is the user's to put right as well, and so is a
        # library that an optional part needs.
        if isinstance(causes[-1], ValueError | TypeError | ImportError | MisconfigurationException):
            raise Mistake(f"{node._target_}: {causes[-1]}") from causes[-1]
        raise


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what led to it, the last being the first that happened."""
    yield error
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)
