"""Pictures, and sets that lie in memory, brought to the wanted size and number of channels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from atelier.pixels import LUMA

# Images resized at a time: 60,000 of them as floats would take gigabytes at once.
_CHUNK = 4096

# Bits below red, green and blue.
_SHIFTS = np.array([0, 8, 16], np.uint32)[:, None, None]


def resized(levels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pictures ``levels`` at ``size`` (width, height), their channels apart: ``[N, 1, H, W]`` or ``[N, 3, H, W]``.

    levels: ``[N, H, W, 1]``, or ``[N, H, W, 4]`` of red, green, blue and a byte that means nothing.

    Resizing is Pillow's bicubic, antialiased, by another hand: torch's filter for bytes has its kernel, its two passes
    and its rounding between them, with weights of 16 bits where Pillow's have 22. Fewer than one level in a hundred is
    off by one, next to none by two, with and without vector instructions the same ones (of grey, at two pixels of width
    and more); in a third to a fifth of the time. It goes across and then down, as Pillow did before version 13, which
    goes down first where that is less work.
    """
    if levels.shape[1:3] == size[::-1]:
        return levels[..., :3].transpose(0, 3, 1, 2).copy()  # a view would keep all that pictures were cut from
    # Turned round by NumPy, as torch lets the interpreter go at every step, and threads then wait to get it back.
    # Through one run of bytes, as NumPy leaves a single picture any stride, by which torch tells where channels lie.
    images = torch.from_numpy(levels.ravel().reshape(levels.shape).transpose(0, 3, 1, 2))
    found = F.interpolate(images, size[::-1], mode="bicubic", antialias=True)
    return _apart(found.numpy().transpose(0, 2, 3, 1))


def _apart(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One channel after the other."""
    if levels.shape[3] == 1:
        return levels.transpose(0, 3, 1, 2)
    # Four bytes are one number, whose lowest eight bits are a channel: half the time of going from byte to byte. All
    # channels at once, as threads that let the interpreter go for each would wait longer than they work.
    pixels = levels.view("<u4").transpose(0, 3, 1, 2)
    channels = np.empty((len(pixels), 3, *pixels.shape[2:]), np.uint8)
    np.right_shift(pixels, _SHIFTS, out=channels, casting="unsafe", dtype=np.uint32)
    return channels


def fit(pixels: Tensor, image_size: int, channels: int) -> Tensor:
    """``[N, c, h, w]`` numbers in 0..255 as uint8 ``[N, channels, image_size, image_size]``.

    Resizing is bicubic, with antialiasing where the image shrinks; colour becomes grey by its luma.
    """
    size = (image_size, image_size)
    if pixels.shape[1:] == (channels, *size) and pixels.dtype == torch.uint8:
        return pixels
    return torch.cat([_fit_chunk(chunk.float(), size, channels) for chunk in torch.split(pixels, _CHUNK)])


def _fit_chunk(images: Tensor, size: tuple[int, int], channels: int) -> Tensor:
    if images.shape[1] == 3 and channels == 1:
        images = (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    if images.shape[-2:] != size:
        images = F.interpolate(images, size, mode="bicubic", antialias=True)
    images = images.round().clamp(0.0, 255.0).to(torch.uint8)
    return images.expand(-1, channels, -1, -1).contiguous()
