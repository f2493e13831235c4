from __future__ import annotations

import pytest
import torch

from atelier.data.patches import Patches, whitened
from atelier.types import Mistake


@pytest.fixture(scope="module")
def patches():
    return {split: Patches(8).load(split).pixels for split in ("train", "test")}


def test_levels_and_shapes_are_those_of_the_notes(patches) -> None:
    for split, count in (("train", 20_000), ("test", 5_000)):
        pixels = patches[split]
        assert pixels.shape == (count, 1, 8, 8) and pixels.dtype == torch.float32
        levels = (pixels + 1) / 2
        assert levels.min() >= 0.1 - 1e-6 and levels.max() <= 0.9 + 1e-6
        assert levels.mean().item() == pytest.approx(0.5, abs=0.005)
    # Three deviations make 0.4 levels; what was cut off beyond them is missing in the deviation that is left.
    assert 0.8 * 0.4 / 3 < ((patches["train"] + 1) / 2).std() < 0.4 / 3


def test_patches_are_the_same_every_time_and_no_two_splits_share_one(patches) -> None:
    again = Patches(8).load("test").pixels
    assert torch.equal(again, patches["test"])
    rows = {split: {row.numpy().tobytes() for row in pixels.round(decimals=4)} for split, pixels in patches.items()}
    assert not rows["train"] & rows["test"]


def test_whitening_evens_out_energies() -> None:
    generator = torch.Generator().manual_seed(0)
    height, width = 128, 96
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    phases = torch.fft.rfft2(torch.randn(height, width, generator=generator))
    photograph = torch.fft.irfft2(phases / frequency.clamp_min(1 / height), s=(height, width))
    energy = torch.fft.rfft2(whitened(photograph)).abs().square()
    low, middle = (energy[(frequency > a) & (frequency < b)].mean() for a, b in ((0.02, 0.1), (0.1, 0.2)))
    assert low / middle == pytest.approx(1.0, abs=0.2)
    assert energy[0, 0] < 1e-6


def test_the_side_is_refused_by_name() -> None:
    with pytest.raises(Mistake, match=r"data\.image_size=1:"):
        Patches(1)
