"""How a photograph of any size becomes one that a translator is trained and tested on.

The five ways and their arithmetic are those of the public implementation of CycleGAN
(junyanz/pytorch-CycleGAN-and-pix2pix, data/base_dataset.py); all resizing is bicubic and antialiased, Pillow's to one
level in 255 (:func:`~atelier.data.resize.resized`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atelier.data.decoder import Decoder
from atelier.data.picture import decode_levels, most_pixels
from atelier.data.resize import resized
from atelier.types import Mistake

Way = Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]
Size = tuple[int, int]  # width and height

BASE = 4
"""Generators halve an image twice, so without other wishes its sides must divide by this."""


def crops(way: Way) -> bool:
    """Whether training sees crops (otherwise whole images, whose sizes may differ)."""
    return _WAYS[way].crops


@dataclass(frozen=True, slots=True)
class Preprocess:
    """What is done to a picture before it is kept; the random part (crop and flip) comes later, batch by batch.

    way: ``resize_and_crop`` to load_size x load_size, whatever the aspect, and crop; ``crop`` at its own size;
        ``scale_width`` to the width load_size, the height in proportion, at least crop_size;
        ``scale_width_and_crop`` both; ``none``: the sides rounded to multiples of 4.
    load_size: side or width in pixels before the crop.
    crop_size: side of the crop.
    channels: 1 (grey, by luma) or 3.
    centred: keep the crop in the middle alone, for evaluation.
    """

    way: Way
    load_size: int
    crop_size: int
    channels: int
    centred: bool = False

    def __post_init__(self) -> None:
        if self.way not in _WAYS:
            raise Mistake(f"data.preprocess={self.way}: must be one of {', '.join(_WAYS)}")
        assert self.channels in (1, 3), self.channels
        if self.crop_size < 1:
            raise Mistake(f"data.image_size={self.crop_size}: must be a number of pixels, 1 or more")
        if self.load_size < self.crop_size:
            raise Mistake(
                f"data.load_size={self.load_size}: must be at least data.image_size={self.crop_size}, "
                "the side of the crop that is taken of it"
            )

    def evaluation(self) -> Preprocess:
        """The form in which images are tested: loaded at the size of the crop, of which the middle is kept.

        The public implementation crops at random when it tests; from the middle, figures can be compared. Of
        ``resize_and_crop`` nothing is left to crop.
        """
        return replace(self, load_size=self.crop_size, centred=crops(self.way) and self.way != "resize_and_crop")

    def decoder(self) -> Decoder:
        """The same for an album of files."""
        size = self.channels * self.load_size**2 if self.way == "resize_and_crop" else None
        return Decoder(partial(decode_levels, channels=self.channels), self.fit, {"preprocess": asdict(self)}, size)

    def fit(self, levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pictures of one size, ``[N, H, W, c]`` as :func:`~atelier.data.picture.decode_levels` has them.

        One smaller than a crop is continued in black to the right and below, as Pillow's crop does.

        Raises ValueError where the size would be absurd. Returns ``[N, C, h, w]``.
        """
        height, width = levels.shape[1:3]
        size = self.scaled(width, height)
        if min(size) < 1:
            raise ValueError(f"{width} x {height} leaves no multiple of {BASE} pixels")
        if size[0] * size[1] > (limit := most_pixels()):
            raise ValueError(f"it would become {size[0]} x {size[1]}, more than {limit // 10**6} megapixels")
        made = resized(levels, size)
        return self._fitted(made) if crops(self.way) else made

    def scaled(self, width: int, height: int) -> Size:
        """Width and height after resizing."""
        return _WAYS[self.way].scaled(self, width, height)

    def _fitted(self, levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The pictures no smaller than a crop, or the crops in their middle."""
        short = [max(0, self.crop_size - side) for side in levels.shape[2:]]
        if any(short):
            levels = np.pad(levels, [(0, 0), (0, 0), *((0, more) for more in short)])
        if not self.centred:
            return levels
        top, left = ((side - self.crop_size) // 2 for side in levels.shape[2:])
        return np.ascontiguousarray(levels[..., top : top + self.crop_size, left : left + self.crop_size])


def _to_square(asked: Preprocess, width: int, height: int) -> Size:
    return asked.load_size, asked.load_size


def _to_width(asked: Preprocess, width: int, height: int) -> Size:
    if width == asked.load_size and height >= asked.crop_size:
        return width, height
    return asked.load_size, int(max(asked.load_size * height / width, asked.crop_size))


def _as_it_is(asked: Preprocess, width: int, height: int) -> Size:
    return width, height


def _to_multiples(asked: Preprocess, width: int, height: int) -> Size:
    return round(width / BASE) * BASE, round(height / BASE) * BASE


class _Steps(NamedTuple):
    """What a way does: the size that it brings a picture of some width and height to, and whether crops follow."""

    scaled: Callable[[Preprocess, int, int], Size]
    crops: bool


_WAYS: Mapping[Way, _Steps] = {
    "resize_and_crop": _Steps(_to_square, crops=True),
    "crop": _Steps(_as_it_is, crops=True),
    "scale_width": _Steps(_to_width, crops=False),
    "scale_width_and_crop": _Steps(_to_width, crops=True),
    "none": _Steps(_to_multiples, crops=False),
}
