from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType

import pytest

from atelier.cli import entry_point, garbage_collection, verb, verb_task


def test_a_command_starts_without_the_collector_and_leaves_it_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(verb: str | None) -> None:
        assert not gc.isenabled()
        raise SystemExit(2)

    frozen = gc.get_freeze_count()  # Python 3.12 begins with some hundred
    monkeypatch.setattr(verb, "main", end)
    monkeypatch.setattr(sys, "argv", ["train.py", "seed=1"])
    with pytest.raises(SystemExit):
        entry_point.main("train")
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen


def test_a_task_is_loaded_without_the_collector_and_works_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ModuleType("atelier.task.made_up")

    def load(name: str) -> ModuleType:
        collects.append(gc.isenabled())
        return task

    monkeypatch.setattr(importlib, "import_module", load)
    collects: list[bool] = []
    try:
        garbage_collection.rest()
        assert verb_task.task_of("made_up") is task
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1000
        gc.unfreeze()
        assert verb_task.task_of("made_up") is task
        assert collects == [False, True]
        assert gc.get_freeze_count() == 0, "what a program has made by then is not ours to leave out"
    finally:
        gc.enable()
        gc.unfreeze()
