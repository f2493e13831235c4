from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from atelier.cachedir import cache_dir
from atelier.metric.cache import cached_features
from atelier.metric.points import Points
from atelier.types import Features

pytestmark = pytest.mark.usefixtures("cache")


class Maker:
    def __init__(self, *, logits: bool = True) -> None:
        self.calls = 0
        self.features = Features(torch.rand(3, 2), torch.rand(3, 4) if logits else None)

    def __call__(self) -> Features:
        self.calls += 1
        return self.features


@pytest.mark.parametrize("logits", [True, False])
def test_is_made_once_and_comes_back_equal(logits: bool) -> None:
    maker = Maker(logits=logits)
    made, kept = (cached_features(Points(), "abc", "test", 3, maker) for _ in range(2))
    assert maker.calls == 1
    assert torch.equal(made.features, kept.features)
    assert (kept.logits is not None) == logits
    assert len(list(cache_dir("features").iterdir())) == 1


def test_all_that_features_depend_on_is_in_the_key() -> None:
    maker, other, resized = Maker(), Points(), Points()
    other.identity, resized.resize = "other", "to 7"
    for extractor, fingerprint, split, count in (
        (Points(), "abc", "test", 3),
        (Points(), "abd", "test", 3),
        (Points(), "abc", "train", 3),
        (Points(), "abc", "test", None),
        (other, "abc", "test", 3),
        (resized, "abc", "test", 3),
    ):
        cached_features(extractor, fingerprint, split, count, maker)
    assert maker.calls == 6


@pytest.mark.parametrize("damage", [b"", b"rubbish"])
def test_a_damaged_file_is_made_anew(damage: bytes) -> None:
    maker = Maker()
    cached_features(Points(), "abc", "test", 3, maker)
    (file,) = cache_dir("features").iterdir()
    file.write_bytes(damage)
    for _ in range(2):
        assert torch.equal(cached_features(Points(), "abc", "test", 3, maker).features, maker.features.features)
    assert maker.calls == 2


def test_does_without_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ATELIER_CACHE", str(tmp_path / "file"))
    maker = Maker()
    assert cached_features(Points(), "abc", "test", 3, maker).features is maker.features.features
    assert "not cached" in caplog.text


def test_does_without_a_cache_that_has_no_room(caplog: pytest.LogCaptureFixture) -> None:
    """torch answers a write that fails in its own way, so it really fails here: files are limited in size."""
    maker = Maker()
    maker.features = Features(torch.rand(30_000, 2), None)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        assert cached_features(Points(), "abc", "test", None, maker).features is maker.features.features
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "not cached" in caplog.text
    assert list(cache_dir("features").iterdir()) == []
