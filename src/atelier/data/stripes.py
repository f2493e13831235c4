"""Plain and striped animals: two domains without pairs in training, of which the truth is known all the same."""

from __future__ import annotations

from torch import Tensor

from atelier.data.source import Images, Split, check_shape
from atelier.data.stripes_canvas import grey
from atelier.data.stripes_scene import draw
from atelier.types import Domain, Mistake

_SMALLEST, _LARGEST = 16, 512
_MOST = 5_000  # scenes of a domain and split: they share one row of numbers

# Test scenes come first in the row of all scenes, so that no number of training scenes moves them.
_FIRST: dict[Split, int] = {"test": 0, "train": 2 * _MOST}


class Stripes:
    """Drawn animals of four kinds on six grounds: plain ones are domain a, striped ones domain b.

    Scene number n is a function of n. Domain a has the even numbers and domain b the odd ones, so that no animal is
    seen in both; still every image's true partner is known, as any scene can be drawn with and without stripes. The
    stripes are no further chance: bands across the body at lengths counted from the chest, as many to every trunk,
    following neck, legs and tail, all of which a plain animal shows. Between them one sees the coat as it is.
    Everything else in the picture stays the same to the bit.

    The images are the same bytes on every machine (see :mod:`atelier.data.stripes_canvas`).

    image_size: side in pixels of evaluated images.
    load_size: side in pixels of training images, of which crops of ``image_size`` can be taken.
    channels: 1 (grey, by luma) or 3.
    train, test: images of each domain; of fewer scenes, those that are left are the same.
    """

    def __init__(self, image_size: int, load_size: int, channels: int, train: int, test: int) -> None:
        check_shape(image_size, channels)
        if not _SMALLEST <= image_size <= _LARGEST:
            raise Mistake(f"data.image_size={image_size}: stripes are drawn at {_SMALLEST} to {_LARGEST} pixels a side")
        if not image_size <= load_size <= _LARGEST:
            raise Mistake(
                f"data.load_size={load_size}: must be from data.image_size={image_size}, the side of the crop that is "
                f"taken of it, to {_LARGEST}"
            )
        for name, count in (("train", train), ("test", test)):
            if not 1 <= count <= _MOST:
                raise Mistake(f"data.source.{name}={count}: must be a number of images from 1 to {_MOST}")
        self.image_size, self.load_size, self.channels = image_size, load_size, channels
        self._counts: dict[Split, int] = {"train": train, "test": test}

    def prepare(self) -> None:
        """Nothing to do: the images are drawn when they are asked for, some milliseconds each."""

    def load(self, split: Split, domain: Domain) -> Images:
        """Plain (a) or striped (b) animals, uint8 ``[N, channels, image_size, image_size]``."""
        return self._drawn(split, domain, self.image_size)

    def training(self, domain: Domain) -> Images:
        """The train split at ``load_size`` pixels a side."""
        return self._drawn("train", domain, self.load_size)

    def truth(self, split: Split, domain: Domain) -> Tensor:
        """The same scenes as in :meth:`load`, with the other coat."""
        return self._pixels(split, domain, self.image_size, striped=domain == "a")

    def _drawn(self, split: Split, domain: Domain, size: int) -> Images:
        names = [f"scene-{number:05d}" for number in self._numbers(split, domain)]
        return Images(self._pixels(split, domain, size, striped=domain == "b"), names=names)

    def _numbers(self, split: Split, domain: Domain) -> range:
        first = _FIRST[split] + (domain == "b")
        return range(first, first + 2 * self._counts[split], 2)

    def _pixels(self, split: Split, domain: Domain, size: int, *, striped: bool) -> Tensor:
        pixels = draw(self._numbers(split, domain), size, striped)
        return pixels if self.channels == 3 else grey(pixels)
