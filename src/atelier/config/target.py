"""The gate: which classes a configuration may name.

A configuration can come from somebody else (a checkpoint, a run folder), and building it must not run their
code. A list of allowed prefixes is no defence, as ``torch.os.system`` shows. So a target must be a class
under the very name of its own module, of a kind that experiments are made of. And of a home whose constructors
run nothing that a file holds: torchmetrics has some that unpickle weights, and is reached through our own metrics.

Packages of the user's own are homes where the environment names them, and all their classes are admitted, as ours are.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from atelier.types import Mistake

_HOMES = ("torch", "torchvision", "pytorch_lightning")

OWN_PACKAGES = "ATELIER_PACKAGES"
"""The environment's variable that names the user's own packages, with commas between."""


def resolve(path: str) -> type:
    """The class that ``path`` names.

    Raises:
        Mistake: if there is none, or if it is none that a configuration may build.
    """
    module_name, _, name = path.rpartition(".")
    package, trusted = module_name.split(".")[0], _trusted()
    if package not in (*trusted, *_HOMES):
        homes = ", ".join((*trusted, *_HOMES))
        raise Mistake(
            f"{path} may not be a target: classes come from {homes}, and from packages of your own that the "
            f"environment's {OWN_PACKAGES} names (docs/adding/package.md)"
        )
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        searched = "" if package in _HOMES or package == "atelier" else "; PYTHONPATH says where packages lie"
        raise Mistake(f"{path}: there is no module {module_name} ({error}){searched}") from None
    except Exception as error:  # whatever somebody's module does as it is imported
        raise Mistake(f"{path}: {module_name} cannot be imported ({type(error).__name__}: {error})") from error
    target = getattr(module, name, None)
    if target is None:
        raise Mistake(f"{path}: {module_name} has no {name}")
    if not isinstance(target, type):
        raise Mistake(f"{path} may not be a target: it is no class")
    if (own := f"{target.__module__}.{target.__qualname__}") != path:
        raise Mistake(f"{path} may not be a target: a class goes by its own name, {own}")
    if not admitted(target):
        raise Mistake(f"{path} may not be a target: experiments are not made of {target.__name__}")
    return target


def admitted(kind: type) -> bool:
    """Whether experiments are made of objects of ``kind``."""
    return kind.__module__.split(".")[0] in _trusted() or issubclass(kind, _kinds())


def _trusted() -> tuple[str, ...]:
    """The packages all of whose classes are admitted."""
    named = (name.strip() for name in os.environ.get(OWN_PACKAGES, "").split(","))
    return ("atelier", *filter(None, named))


def _kinds() -> tuple[type[Any], ...]:
    from pytorch_lightning import Callback, LightningDataModule, Trainer  # loads torch: only at need
    from pytorch_lightning.loggers import Logger
    from pytorch_lightning.plugins import LayerSync, Precision
    from pytorch_lightning.profilers import Profiler
    from pytorch_lightning.strategies import Strategy
    from torch import nn
    from torch.optim import Optimizer

    # nn.Module includes LightningModule.
    return (
        nn.Module,
        Optimizer,
        LightningDataModule,
        Callback,
        Trainer,
        Logger,
        LayerSync,
        Precision,
        Profiler,
        Strategy,
    )
