from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn
from translating import checkpoint, generator

from atelier.task import translate_pictures
from atelier.task.tiles import translate_image


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the test works in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two generators, seeds 1 and 2."""
    return checkpoint(tmp_path_factory.mktemp("ckpt") / "a.ckpt", a_to_b=generator(seed=1), b_to_a=generator(seed=2))


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The sizes of the images that were translated."""
    seen: list[tuple[int, ...]] = []

    def counted(network: nn.Module, image: Tensor, *rest: Any) -> Tensor:
        seen.append(tuple(image.shape))
        return translate_image(network, image, *rest)

    monkeypatch.setattr(translate_pictures, "translate_image", counted)
    return seen
