from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType

import pytest

from atelier.cli import collector, verb


def test_a_task_is_loaded_without_the_collector_and_works_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ModuleType("atelier.task.made_up")

    def load(name: str) -> ModuleType:
        assert not gc.isenabled()
        monkeypatch.setitem(sys.modules, name, task)
        return task

    monkeypatch.setattr(importlib, "import_module", load)
    try:
        collector.rest()
        assert verb._task("made_up") is task
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1000
        gc.unfreeze()
        assert verb._task("made_up") is task
        assert gc.get_freeze_count() == 0, "what a program has made by then is not ours to leave out"
    finally:
        gc.enable()
        gc.unfreeze()
