"""Random crops out of a set of images, and random flips of a batch, on whatever device it lies."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atelier.data.ragged import Ragged
from atelier.moment import Moment
from atelier.types import Domain


def crop_corners(sizes: NDArray[np.int64], crop_size: int, moment: Moment, domain: Domain) -> NDArray[np.int64]:
    """Where the crops begin, ``[B, 2]`` (top, left): uniform over all places, both ends included.

    sizes: ``[B, 2]`` heights and widths, none below ``crop_size``. ``moment`` draws on the CPU.
    """
    room = sizes + (1 - crop_size)
    drawn = moment.uniform(f"crop/{domain}", len(sizes), 2).numpy()
    # A number just below 1 times a large room rounds up to it.
    return np.minimum((drawn * room.astype(np.float32)).astype(np.int64), room - 1)


def cut_out(pixels: Tensor | Ragged, rows: Tensor, crop_size: int, moment: Moment, domain: Domain) -> Tensor:
    """A crop ``[B, C, S, S]`` of each of the images at ``rows`` ``[B]``, at a place of its own.

    What lies outside the crops is not read. Places are those of :func:`crop_corners`.
    """
    if isinstance(pixels, Ragged):
        corners = crop_corners(pixels.shapes[rows, 1:].numpy(), crop_size, moment, domain).tolist()
        places = zip(rows.tolist(), corners, strict=True)
        crops = [pixels[row][:, top : top + crop_size, left : left + crop_size] for row, (top, left) in places]
        return torch.stack(crops)
    channels, height, width = pixels.shape[1:]
    corners = crop_corners(np.full((len(rows), 2), (height, width)), crop_size, moment, domain)
    first = rows.numpy() * (channels * height * width) + corners[:, 0] * width + corners[:, 1]
    lines = first[:, None] + _lines(channels, height, width, crop_size)
    # A view of every run of pixels there is: picking whole lines is ten times as fast as picking pixels.
    runs = pixels.view(-1).unfold(0, crop_size, 1)
    return runs.index_select(0, torch.from_numpy(lines.ravel())).view(len(rows), channels, crop_size, crop_size)


@functools.lru_cache(maxsize=8)
def _lines(channels: int, height: int, width: int, crop_size: int) -> NDArray[np.int64]:
    """Where the lines of a crop from the upper left corner begin in an image ``[C, H, W]``: ``[C * S]``."""
    planes = np.arange(channels)[:, None] * height
    return ((planes + np.arange(crop_size)) * width).ravel()


def flip_in_place(images: Tensor, moment: Moment, domain: Domain) -> None:
    """Mirror each image ``[B, C, H, W]`` with probability 1/2; ``moment`` draws on the CPU."""
    # One by one: a flip is a single pass over an image, and whatever picks rows out of a batch of bytes takes several.
    for place, drawn in enumerate(moment.uniform(f"flip/{domain}", len(images)).tolist()):
        if drawn < 0.5:
            image = images[place]
            image.copy_(image.flip(-1))
