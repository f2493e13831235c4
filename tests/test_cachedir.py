from __future__ import annotations

from pathlib import Path

import pytest

from atelier.cachedir import cache_dir


def test_the_most_particular_setting_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ATELIER_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_dir("a", "b") == tmp_path / ".cache" / "atelier" / "a" / "b"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir("a") == tmp_path / "xdg" / "atelier" / "a"
    monkeypatch.setenv("ATELIER_CACHE", "~/mine")
    assert cache_dir() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()
