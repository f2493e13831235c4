"""The gate: which classes a configuration may name.

A configuration can come from somebody else (a checkpoint, a run folder), and building it must not run their
code. A list of allowed prefixes is no defence, as ``torch.os.system`` shows. So a target must be a class
under the very name of its own module, of a kind that experiments are made of. And of a home whose constructors
run nothing that a file holds: torchmetrics has some that unpickle weights, and is reached through our own metrics.
"""

from __future__ import annotations

import importlib
from typing import Any

from atelier.types import Mistake

_HOMES = ("atelier", "torch", "torchvision", "pytorch_lightning")


def resolve(path: str) -> type:
    """The class that ``path`` names.

    Raises:
        Mistake: if there is none, or if it is none that a configuration may build.
    """
    module_name, _, name = path.rpartition(".")
    if module_name.split(".")[0] not in _HOMES:
        raise Mistake(f"{path} may not be a target: classes come from {', '.join(_HOMES)}")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Mistake(f"{path}: there is no module {module_name} ({error})") from None
    target = getattr(module, name, None)
    if target is None:
        raise Mistake(f"{path}: {module_name} has no {name}")
    if not isinstance(target, type) or f"{target.__module__}.{target.__qualname__}" != path:
        raise Mistake(f"{path} may not be a target: it is not a class under its own name")
    if not admitted(target):
        raise Mistake(f"{path} may not be a target: experiments are not made of {target.__name__}")
    return target


def admitted(kind: type) -> bool:
    """Whether experiments are made of objects of ``kind``."""
    return kind.__module__.split(".")[0] == "atelier" or issubclass(kind, _kinds())


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
