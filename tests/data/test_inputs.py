from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from atelier.data.inputs import read_inputs
from atelier.types import Mistake


def picture(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 9, 3), level, np.uint8)).save(path)


def test_a_folder_or_one_file(tmp_path: Path) -> None:
    picture(tmp_path / "b.png", 10)
    picture(tmp_path / "deep" / "a.png", 200)
    (tmp_path / "broken.png").write_text("no picture")
    given = read_inputs(str(tmp_path), image_size=4, channels=1)
    assert given.names == ["b.png", "deep/a.png"]
    assert torch.equal(given.pixels.float().mean((1, 2, 3)), torch.tensor([10.0, 200.0]))
    one = read_inputs(str(tmp_path / "deep" / "a.png"), image_size=4, channels=3)
    assert one.names == ["a.png"] and one.pixels.shape == (1, 3, 4, 4)


def test_nothing_to_read_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"input=.*nowhere: there is no such"):
        read_inputs(str(tmp_path / "nowhere"), 4, 1)
    with pytest.raises(Mistake, match="no JPEG, PNG or WebP"):
        read_inputs(str(tmp_path), 4, 1)
    (tmp_path / "broken.png").write_text("no picture")
    with pytest.raises(Mistake, match="none of its 1 images"):
        read_inputs(str(tmp_path), 4, 1)
