"""Pictures inside a page: addresses that hold the picture itself, so that no file and no path is shown."""

from __future__ import annotations

import base64
import io

from torch import Tensor

from atelier.task.canvas import to_picture


def address(image: Tensor, *, alike: bool = False) -> str:
    """The data address of ``image`` (uint8 ``[C, H, W]``, 1 or 3 channels) as a PNG.

    alike: do not compress, so that all pictures of one shape have equally many bytes: how well a picture can be
        compressed may tell who made it.
    """
    stream = io.BytesIO()
    to_picture(image.cpu()).save(stream, format="PNG", compress_level=0 if alike else 6)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
