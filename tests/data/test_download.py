from __future__ import annotations

import socket
from pathlib import Path
from urllib.error import URLError

import pytest
import torchvision.datasets.utils

from atelier.data.celeba import CelebA
from atelier.data.cifar import Cifar10
from atelier.data.download import downloading
from atelier.data.mnist import Mnist
from atelier.data.source import Source
from atelier.types import Mistake


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr(torchvision.datasets.celeba, "download_file_from_google_drive", refuse)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "CIFAR-10", "CelebA"])
def test_offline_names_the_manual_way_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    root = tmp_path / "data" / "deep"
    sources: dict[str, Source] = {
        "MNIST": Mnist(str(root), "MNIST", 28, 1),
        "FashionMNIST": Mnist(str(root), "FashionMNIST", 28, 1),
        "CIFAR-10": Cifar10(str(root), 32, 3),
        "CelebA": CelebA(str(root), 178, 64, 3),
    }
    with pytest.raises(Mistake) as caught:
        sources[name].prepare()
    text = str(caught.value)
    assert text.startswith(f"{name} could not be downloaded into {root}: ")
    assert "Name or service not known" in text
    assert "data.root=" in text.partition("By hand:")[2]
    assert not (tmp_path / "data").exists()


def test_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "root" / "old").mkdir(parents=True)
    (tmp_path / "root" / "old" / "file").touch()
    (tmp_path / "root" / "empty" / "inside").mkdir(parents=True)
    with pytest.raises(Mistake), downloading("it", tmp_path / "root", "fetch it"):
        (tmp_path / "root" / "new" / "deep").mkdir(parents=True)
        (tmp_path / "root" / "empty" / "new").mkdir()
        raise RuntimeError("cut\noff")
    assert sorted(path.name for path in (tmp_path / "root").rglob("*")) == ["empty", "file", "inside", "old"]


def test_patience_ends_with_the_block(tmp_path: Path) -> None:
    before = socket.getdefaulttimeout()
    with downloading("it", tmp_path, "fetch it"):
        assert socket.getdefaulttimeout() is not None
    assert socket.getdefaulttimeout() == before


def test_other_failures_pass_through(tmp_path: Path) -> None:
    with pytest.raises(KeyError), downloading("it", tmp_path, "fetch it"):
        raise KeyError("a fault of ours")
