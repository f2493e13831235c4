"""Random crops and flips of a batch, on whatever device it lies."""

from __future__ import annotations

import torch
from torch import Tensor

from atelier.data.ragged import Ragged
from atelier.moment import Moment
from atelier.types import Domain


def crop_corners(sizes: Tensor, crop_size: int, moment: Moment, domain: Domain) -> Tensor:
    """Where the crops begin, ``[B, 2]`` int64 (top, left): uniform over all places, both ends included.

    sizes: ``[B, 2]`` heights and widths, none below ``crop_size``.
    """
    room = sizes + (1 - crop_size)
    drawn = moment.uniform(f"crop/{domain}", len(sizes), 2)
    # A number just below 1 times a large room rounds up to it.
    return torch.minimum((drawn * room).long(), room - 1)


def cropped(images: Tensor, crop_size: int, moment: Moment, domain: Domain) -> Tensor:
    """A crop ``[B, C, S, S]`` of each image ``[B, C, H, W]``, at a place of its own."""
    count, channels, height, width = images.shape
    sizes = torch.tensor([height, width], device=images.device).expand(count, 2)
    top, left = crop_corners(sizes, crop_size, moment, domain)[:, :, None, None].unbind(dim=1)
    planes = torch.arange(count * channels, device=images.device).view(count, channels, 1)
    lines = torch.arange(crop_size, device=images.device)
    starts = (planes * height + top + lines) * width + left
    # A view of every run of pixels there is: picking whole lines is ten times as fast as picking pixels.
    runs = images.reshape(-1).unfold(0, crop_size, 1)
    return runs.index_select(0, starts.flatten()).view(count, channels, crop_size, crop_size)


def cut_out(pixels: Ragged, rows: Tensor, crop_size: int, moment: Moment, domain: Domain) -> Tensor:
    """As :func:`cropped`, of images whose sizes differ: the same places for the same sizes."""
    corners = crop_corners(pixels.shapes[rows, 1:], crop_size, moment, domain).tolist()
    places = zip(rows.tolist(), corners, strict=True)
    crops = [pixels[row][:, top : top + crop_size, left : left + crop_size] for row, (top, left) in places]
    return torch.stack(crops)


def flipped(images: Tensor, moment: Moment, domain: Domain) -> Tensor:
    """Each image ``[B, C, H, W]`` mirrored with probability 1/2."""
    mirrored = moment.uniform(f"flip/{domain}", len(images)) < 0.5
    rows = torch.arange(len(images), device=images.device) + mirrored * len(images)
    return torch.cat([images, images.flip(-1)]).index_select(0, rows)
