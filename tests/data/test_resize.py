from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from atelier.data import resize
from atelier.data.resize import fit

COLOUR = torch.randint(0, 256, (5, 3, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_what_fits_is_handed_back() -> None:
    assert fit(COLOUR, 12, 3) is COLOUR


def test_grey_is_pillows_luma() -> None:
    grey = fit(COLOUR, 12, 1)
    for image, mine in zip(COLOUR, grey, strict=True):
        pillows = np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L"), dtype=int)
        assert np.abs(pillows - mine[0].numpy().astype(int)).max() <= 1


def test_resizing_is_pillows_bicubic() -> None:
    # Pillow also clamps between its two passes, so the comparison keeps clear of black and white.
    mild = COLOUR[:1] // 4 + 96
    for size in (7, 30):
        mine = fit(mild, size, 3)[0].permute(1, 2, 0).numpy().astype(int)
        picture = Image.fromarray(mild[0].permute(1, 2, 0).numpy())
        pillows = np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC), dtype=int)
        assert np.abs(pillows - mine).max() <= 1


def test_chunks_do_not_show(monkeypatch) -> None:
    whole = fit(COLOUR, 20, 1)
    monkeypatch.setattr(resize, "_CHUNK", 2)
    assert torch.equal(fit(COLOUR, 20, 1), whole)
