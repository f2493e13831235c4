"""A picture at another size."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

# Of larger pictures decoding takes the time, and resizing them here would hold two more copies in memory.
_MOST_PIXELS = 2**22


def rescaled(picture: Image.Image, width: int, height: int) -> NDArray[np.uint8]:
    """``picture`` (mode L or RGB) as ``[C, height, width]``: bicubic, antialiased where it shrinks.

    Numbers are Pillow's but for two levels of 255 at most, in less than one value of a hundred: torch weighs them by 16
    bits, many at a time, in a quarter of the time.
    """
    if picture.size != (width, height) and picture.width * picture.height > _MOST_PIXELS:
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.atleast_3d(np.array(picture, dtype=np.uint8)).transpose(2, 0, 1)
    if picture.size == (width, height):
        return np.ascontiguousarray(pixels)
    levels = torch.from_numpy(pixels)[None]
    resized = F.interpolate(levels, (height, width), mode="bicubic", align_corners=False, antialias=True)
    found: NDArray[np.uint8] = resized[0].contiguous().numpy()
    return found
