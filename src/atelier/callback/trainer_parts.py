"""What Lightning's connectors set on a trainer, of which its type knows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, Trainer

from atelier.run_folder import RunFolder


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """All callbacks, in the order in which they are called."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set by its callback connector
    return callbacks


def run_of(trainer: Trainer) -> RunFolder:
    """The folder of the run that is trained."""
    return RunFolder(Path(trainer.default_root_dir))


def data_of(trainer: Trainer) -> Any:
    """The data module: of whatever kind the model wants (:class:`~atelier.types.Reals`, Domains)."""
    return trainer.datamodule  # type: ignore[attr-defined]  # set by its data connector
