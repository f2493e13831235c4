"""Pillow's bicubic resizing, whatever its version."""

from __future__ import annotations

from PIL import Image


def bicubic(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """``picture`` at ``size`` (width, height), across and then down.

    Before version 13 Pillow did so with every picture; since then it goes down first where that is less work, and
    rounds to whole levels between the two: up to a dozen levels lie between the results on noise.
    """
    wide, high = size
    across = picture.resize((wide, picture.height), Image.Resampling.BICUBIC)
    return across.resize((wide, high), Image.Resampling.BICUBIC)
