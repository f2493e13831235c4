"""Small patches of natural photographs: the data on which sparse codes become edges."""

from __future__ import annotations

import torch
from torch import Tensor

from atelier.data.source import Images, Split
from atelier.moment import Moment
from atelier.pixels import LUMA
from atelier.types import Mistake

_COUNTS = {"train": 20_000, "test": 5_000}
_HELD_OUT = 0.2  # of a photograph's width, at its right edge
_DEVIATIONS = 3.0

# The places are part of the data's definition: they do not follow the run's seed.
_SEED = 0


class Patches:
    """Grey patches of the two photographs that scikit-learn carries (china.jpg, flower.jpg; 427 x 640 pixels).

    As in the UFLDL notes on sparse autoencoders (Ng 2011, exercise: sampleIMAGES): each patch loses its mean, what
    lies beyond three standard deviations of all patches is cut off, and the rest is mapped to levels in [0.1, 0.9],
    within the range of a sigmoid. Before that the photographs are whitened, as the notes' own were (Olshausen & Field
    1996): a photograph's energy falls with the frequency, and a code would spend all its units on the slowest.

    20,000 patches are for training; 5,000 for testing come from the right fifth of the photographs, which no
    training patch touches. Places are drawn by a fixed seed, and the levels held are floats: pixels in [-0.8, 0.8].

    image_size: side of a patch in pixels.
    """

    def __init__(self, image_size: int) -> None:
        if not 2 <= image_size <= 64:
            raise Mistake(f"data.image_size={image_size}: a patch has a side of 2 to 64 pixels")
        self.image_size = image_size

    def prepare(self) -> None:
        """Nothing to do: the photographs came with scikit-learn."""

    def load(self, split: Split) -> Images:
        """The patches of ``split``, float32 ``[N, 1, S, S]``."""
        from sklearn.datasets import load_sample_images  # takes a second, and only this set needs it

        luma = torch.tensor(LUMA)
        photographs = load_sample_images().images
        pictures = [whitened(torch.tensor(photograph, dtype=torch.float32) @ luma) for photograph in photographs]
        patches = self._cut(pictures, split)
        # Three deviations of the training patches: held-out data decides nothing.
        reach = _DEVIATIONS * _centred(self._cut(pictures, "train")).std(correction=0)
        levels = (_centred(patches) / reach).clamp(-1.0, 1.0) * 0.4 + 0.5
        return Images(levels.mul(2.0).sub(1.0)[:, None])

    def _cut(self, pictures: list[Tensor], split: Split) -> Tensor:
        """Patches ``[N, S, S]`` from places drawn evenly over both pictures' part of the split."""
        side, share = self.image_size, _COUNTS[split] // len(pictures)
        moment = Moment(seed=_SEED, step=0).within(f"patches/{split}")
        cut = []
        for number, picture in enumerate(pictures):
            height, width = picture.shape
            border = round((1 - _HELD_OUT) * width)
            left, right = (0, border) if split == "train" else (border, width)
            tops = moment.integers(f"top {number}", share, low=0, high=height - side + 1)
            lefts = moment.integers(f"left {number}", share, low=left, high=right - side + 1)
            windows = picture.unfold(0, side, 1).unfold(1, side, 1)
            cut.append(windows[tops, lefts])
        return torch.cat(cut)


def whitened(picture: Tensor) -> Tensor:
    """``[H, W]`` with energies made even over the frequencies: the filter f · exp(−(f / f₀)⁴), f₀ = 0.4 cycles a pixel.

    Olshausen & Field 1996, methods: f evens out a photograph's 1/f, the exponential holds down the noise at the highest
    frequencies.
    """
    height, width = picture.shape
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    response = frequency * torch.exp(-((frequency / 0.4) ** 4))
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(picture) * response, s=(height, width))
    return filtered


def _centred(patches: Tensor) -> Tensor:
    return patches - patches.mean(dim=(1, 2), keepdim=True)
