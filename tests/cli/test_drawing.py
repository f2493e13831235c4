"""What matplotlib keeps and says where its own folders cannot be written to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from atelier.cli.drawing import settle_matplotlib

SRC = Path(__file__).parents[2] / "src"

_DRAW = """
import logging, sys
sys.path.insert(0, sys.argv[1])
logging.basicConfig(level=logging.INFO)
from atelier.cli.drawing import settle_matplotlib

settle_matplotlib()
import matplotlib.font_manager
"""


@pytest.mark.parametrize("cache", [True, False], ids=["with a cache", "without"])
def test_the_fonts_are_listed_in_our_cache_and_nothing_is_said(cache: bool, tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.touch()
    home = {"HOME": str(nowhere), "TMPDIR": str(tmp_path), "ATELIER_CACHE": str(tmp_path if cache else nowhere)}
    unset = ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in unset} | home
    command = [sys.executable, "-c", _DRAW, str(SRC)]
    drawn = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert drawn.stderr == ""
    assert bool(list(tmp_path.glob("matplotlib/fontlist*.json"))) == cache


def test_folders_of_its_own_are_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    settle_matplotlib()
    assert "MPLCONFIGDIR" not in os.environ
