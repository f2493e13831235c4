from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from atelier.data.celeba import CelebA
from atelier.types import Mistake


def test_partition_and_crop(tmp_path: Path) -> None:
    pictures = tmp_path / "celeba" / "img_align_celeba"
    pictures.mkdir(parents=True)
    lines = []
    for number, part in enumerate((0, 0, 1, 2), start=1):
        photograph = Image.new("RGB", (178, 218), "black")
        photograph.paste((number, 0, 0), (0, 20, 178, 198))
        photograph.save(pictures / f"{number:06d}.png")
        lines.append(f"{number:06d}.png {part}\n")
    (tmp_path / "celeba" / "list_eval_partition.txt").write_text("".join(lines))
    source = CelebA(str(tmp_path), 178, 64, 3)
    source.prepare()
    train, test = source.load("train"), source.load("test")
    assert train.names == ["000001.png", "000002.png"]
    assert test.names == ["000004.png"]
    # The centre square holds nothing of the black margins.
    assert torch.equal(train.pixels[:, 0].unique(), torch.tensor([1, 2], dtype=torch.uint8))


def test_what_was_not_unpacked_to_the_end_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    pictures = tmp_path / "celeba" / "img_align_celeba"
    pictures.mkdir(parents=True)
    Image.new("RGB", (178, 218)).save(pictures / "000001.png")
    (tmp_path / "celeba" / "list_eval_partition.txt").write_text("000001.png 0\n000002.png 2\n")
    with pytest.raises(Mistake, match=r"holds no 000002\.png, the last photograph"):
        CelebA(str(tmp_path), 178, 64, 3).prepare()


@pytest.mark.parametrize("crop", [0, 179])
def test_crops_beyond_the_photograph_are_refused(crop: int) -> None:
    with pytest.raises(Mistake, match=rf"data\.source\.crop={crop}"):
        CelebA("root", crop, 64, 3)
