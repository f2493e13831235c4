from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from translators import Brighter, Couples

from atelier.callback.picture import Grid
from atelier.callback.pictures import read_caption
from atelier.callback.strips import Strips
from atelier.callback.translation_gallery import TranslationGallery
from atelier.pixels import to_bytes, to_unit
from atelier.types import Mistake


def flat(value: float, height: int, width: int, channels: int = 3) -> torch.Tensor:
    return torch.full((channels, height, width), value)


def test_every_cell_is_where_it_belongs() -> None:
    left = [[flat(-1.0, 8, 8), flat(0.0, 8, 8), flat(1.0, 8, 8)], [flat(1.0, 8, 8), flat(-1.0, 8, 8), flat(0.0, 8, 8)]]
    right = [[flat(0.0, 8, 8, channels=1), flat(1.0, 8, 8), flat(-1.0, 8, 8)]]
    drawn = Strips(rows=2, side=96, largest=64).draw([left, right])
    # 48 pixels for three images of 8: twice as large, with a gap of one pixel; between the sheets there are 8.
    cell, sheet = 16 + 1, 3 * 17 - 1
    assert drawn.shape == (2 * cell - 1, 2 * sheet + 8, 3)
    centre = [8, 8 + cell, 8 + 2 * cell]
    assert drawn[8, centre, 0].tolist() == [0, 128, 255]
    assert drawn[8 + cell, centre, 0].tolist() == [255, 0, 128]
    assert drawn[8, [place + sheet + 8 for place in centre], 0].tolist() == [128, 255, 0]
    assert (drawn[:, sheet : sheet + 8] == 110).all() and (drawn[cell:, sheet + 8 :] == 110).all()


def test_images_of_other_sizes_stand_in_the_middle_of_a_cell_and_large_ones_are_shrunk() -> None:
    drawn = Strips(rows=1, side=10, largest=20).draw([[[flat(1.0, 10, 20), flat(-1.0, 20, 10), flat(1.0, 300, 400)]]])
    assert drawn.shape == (20, 3 * 20 + 2, 3)
    assert (drawn[5:15, :20] == 255).all() and (drawn[:5, :20] == 110).all() and (drawn[15:, :20] == 110).all()
    assert (drawn[:, 21 + 5 : 21 + 15] == 0).all() and (drawn[:, 21 : 21 + 5] == 110).all()
    assert (drawn[3:17, 42:] == 255).sum() == 3 * 14 * 20


@pytest.mark.parametrize("truth", [True, False])
def test_the_first_images_of_both_domains_are_drawn_before_training_and_at_every_validation(
    fit, tmp_path: Path, truth: bool
) -> None:
    data, picture = Couples(truth=truth), Strips(rows=3, side=1, largest=64)
    fit(Brighter(0.5), TranslationGallery(picture), data=data, epochs=2)
    samples = tmp_path / "run" / "samples"
    assert sorted(path.name for path in samples.iterdir()) == ["epoch_0000.png", "epoch_0001.png", "epoch_0002.png"]
    sheets = []
    for source, light in (("a", 0.2), ("b", -0.2)):
        strips = []
        for place in range(3):
            real = to_unit(data.images["test", source][place])
            strips.append([real, real + light, real + light - light, real - light])
            if truth:
                strips[-1].append(to_unit(data.truth("test", source)[place]))
        sheets.append(strips)
    with Image.open(samples / "epoch_0001.png") as kept:
        assert (np.asarray(kept) == picture.draw(sheets)).all()
    assert (picture.draw(sheets)[:8, :12] == to_bytes(sheets[0][0][0]).permute(1, 2, 0).numpy()).all()
    caption = read_caption(samples / "epoch_0002.png")
    assert "domain a to b" in caption.note and ("true translation" in caption.note) is truth


def test_fewer_images_than_rows_are_all_drawn(fit, tmp_path: Path) -> None:
    fit(Brighter(), TranslationGallery(Strips(rows=12, side=1, largest=64)), data=Couples(), epochs=1)
    with Image.open(tmp_path / "run" / "samples" / "epoch_0001.png") as kept:
        assert kept.height == 12 * 8 + 11 * 1  # twelve of a, ten of b


def test_other_pictures_are_refused() -> None:
    with pytest.raises(Mistake, match="picture=strips"):
        TranslationGallery(Grid(2, 2, 8))


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"side": 0}, {"largest": 0}])
def test_impossible_pictures_are_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(Mistake, match=f"picture.{next(iter(wrong))}="):
        Strips(**({"rows": 1, "side": 64, "largest": 64} | wrong))
