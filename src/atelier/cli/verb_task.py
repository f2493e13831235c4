"""The module that does a verb's work: the first to need torch."""

from __future__ import annotations

import importlib
from typing import Any

from atelier.cli import garbage_collection
from atelier.cli.drawing import settle_matplotlib


def task_of(verb: str) -> Any:
    """The verb's module: loads torch, so it waits until the words are right."""
    settle_matplotlib()
    task = importlib.import_module(f"atelier.task.{verb}")
    garbage_collection.settle()
    return task
