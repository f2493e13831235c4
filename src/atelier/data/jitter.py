"""Random crops and flips of a batch, on whatever device it lies."""

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


def cropped(images: Tensor, crop_size: int, moment: Moment, domain: Domain) -> Tensor:
    """A crop ``[B, C, S, S]`` of each image ``[B, C, H, W]``, at a place of its own."""
    count, channels, height, width = images.shape
    corners = crop_corners(torch.tensor([[height, width]]).expand(count, 2), crop_size, moment, domain)
    first = (corners[:, 0] * width + corners[:, 1]).to(images.device, non_blocking=True)
    lines = _lines(images.shape, crop_size, images.device) + first[:, None, None]
    # A view of every run of pixels there is: picking whole lines is ten times as fast as picking pixels.
    runs = images.reshape(-1).unfold(0, crop_size, 1)
    return runs.index_select(0, lines.flatten()).view(count, channels, crop_size, crop_size)


@functools.lru_cache(maxsize=8)
def _lines(shape: torch.Size, crop_size: int, device: torch.device) -> Tensor:
    """Where the lines of crops from the upper left corner begin in a batch ``[B, C, H, W]``: ``[B, C, S]`` int64."""
    count, channels, height, width = shape
    planes = torch.arange(count * channels, device=device).view(count, channels, 1)
    return (planes * height + torch.arange(crop_size, device=device)) * width


def cut_out(pixels: Ragged, rows: Tensor, crop_size: int, moment: Moment, domain: Domain) -> Tensor:
    """As :func:`cropped`, of images whose sizes differ: the same places for the same sizes."""
    corners = crop_corners(pixels.shapes[rows, 1:], crop_size, moment, domain).tolist()
    places = zip(rows.tolist(), corners, strict=True)
    crops = [pixels[row][:, top : top + crop_size, left : left + crop_size] for row, (top, left) in places]
    return torch.stack(crops)


def flipped(images: Tensor, moment: Moment, domain: Domain) -> Tensor:
    """Each image ``[B, C, H, W]`` mirrored with probability 1/2."""
    turns = (_on_the_host(moment).uniform(f"flip/{domain}", len(images)) < 0.5).tolist()
    # One by one: a flip is a single pass over an image, and whatever picks rows out of a batch of bytes takes several.
    return torch.stack([image.flip(-1) if turn else image for image, turn in zip(images, turns, strict=True)])


def _on_the_host(moment: Moment) -> Moment:
    """The same draws where they are made: to look at them there, nobody waits for the device."""
    return replace(moment, device="cpu")
