from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ATELIER_CACHE", str(folder))
    return folder


@pytest.fixture
def mnist_root() -> Path:
    """The real MNIST files, in $ATELIER_TEST_DATA/mnist or in shared/data/mnist beside the checkout."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    root = Path(os.environ.get("ATELIER_TEST_DATA", beside)) / "mnist"
    if not root.is_dir():
        pytest.skip(f"real MNIST is not in {root}")
    return root
