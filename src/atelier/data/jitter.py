"""Random crops out of a set of images, and random flips of a batch, on whatever device it lies."""

from __future__ import annotations

import functools
from dataclasses import replace

import torch
from torch import Tensor

from atelier.data.ragged import Ragged
from atelier.moment import Moment
from atelier.types import Domain


def crop_corners(sizes: Tensor, crop_size: int, moment: Moment, domain: Domain) -> Tensor:
    """Where the crops begin, ``[B, 2]`` int64 (top, left) on the CPU: uniform over all places, both ends included.

    sizes: ``[B, 2]`` heights and widths on the CPU, none below ``crop_size``.
    """
    room = sizes + (1 - crop_size)
    drawn = _on_the_host(moment).uniform(f"crop/{domain}", len(sizes), 2)
    # A number just below 1 times a large room rounds up to it.
    return torch.minimum((drawn * room).long(), room - 1)


def cut_out(pixels: Tensor | Ragged, rows: Tensor, crop_size: int, moment: Moment, domain: Domain) -> Tensor:
    """A crop ``[B, C, S, S]`` of each of the images at ``rows`` ``[B]``, at a place of its own.

    What lies outside the crops is not read. Places are those of :func:`crop_corners`.
    """
    if isinstance(pixels, Ragged):
        corners = crop_corners(pixels.shapes[rows, 1:], crop_size, moment, domain).tolist()
        places = zip(rows.tolist(), corners, strict=True)
        return torch.stack(
            [pixels[row][:, top : top + crop_size, left : left + crop_size] for row, (top, left) in places]
        )
    channels, height, width = pixels.shape[1:]
    corners = crop_corners(torch.tensor([[height, width]]).expand(len(rows), 2), crop_size, moment, domain)
    first = rows * (channels * height * width) + corners[:, 0] * width + corners[:, 1]
    lines = first[:, None] + _lines(channels, height, width, crop_size)
    # A view of every run of pixels there is: picking whole lines is ten times as fast as picking pixels.
    runs = pixels.view(-1).unfold(0, crop_size, 1)
    return runs.index_select(0, lines.flatten()).view(len(rows), channels, crop_size, crop_size)


@functools.lru_cache(maxsize=8)
def _lines(channels: int, height: int, width: int, crop_size: int) -> Tensor:
    """Where the lines of a crop from the upper left corner begin in an image ``[C, H, W]``: ``[C * S]`` int64."""
    planes = torch.arange(channels)[:, None] * height
    return ((planes + torch.arange(crop_size)) * width).flatten()


def flipped(images: Tensor, moment: Moment, domain: Domain) -> Tensor:
    """Each image ``[B, C, H, W]`` mirrored with probability 1/2."""
    turns = (_on_the_host(moment).uniform(f"flip/{domain}", len(images)) < 0.5).tolist()
    # One by one: a flip is a single pass over an image, and whatever picks rows out of a batch of bytes takes several.
    return torch.stack([image.flip(-1) if turn else image for image, turn in zip(images, turns, strict=True)])


def _on_the_host(moment: Moment) -> Moment:
    """The same draws where they are made: to look at them there, nobody waits for the device."""
    return replace(moment, device="cpu")
