"""A run's silence ends with it: in a notebook others speak on."""

from __future__ import annotations

import logging
import os
import warnings

import pytest

from atelier.task.calm import calm


def _voices() -> tuple[object, ...]:
    level = logging.getLogger("pytorch_lightning").level
    return level, logging.raiseExceptions, list(warnings.filters), os.environ.get("WANDB_SILENT")


@pytest.mark.parametrize("silent", [None, "false"])
def test_all_speak_as_before_afterwards(silent: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_SILENT", raising=False)
    if silent is not None:
        monkeypatch.setenv("WANDB_SILENT", silent)
    logging.getLogger("pytorch_lightning").setLevel(logging.INFO)
    before = _voices()
    with pytest.raises(RuntimeError), calm():
        assert not logging.getLogger("pytorch_lightning").isEnabledFor(logging.INFO)
        assert os.environ["WANDB_SILENT"] == (silent or "true")
        with warnings.catch_warnings(record=True) as heard:
            warnings.warn("Found 2 module(s) in eval mode at the start of training.", stacklevel=1)
        assert not heard
        raise RuntimeError
    assert _voices() == before
