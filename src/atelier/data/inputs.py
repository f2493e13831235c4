"""Pictures that a person hands to a trained model."""

from __future__ import annotations

from atelier.data.album import open_album
from atelier.data.listing import Files, list_images, warn_of_left_out
from atelier.data.picture import Shape
from atelier.data.source import Images
from atelier.expanded import expanded
from atelier.types import Mistake


def read_inputs(place: str, image_size: int, channels: int) -> Images:
    """The picture ``place``, or all JPEG, PNG and WebP files in and below that folder, in the form a model knows.

    Pictures are cut to centre squares and resized; names are paths below the folder. Unreadable files, and links that
    lead out of the folder, are left out with a warning.

    Raises Mistake where there is nothing, or nothing readable.
    """
    path = expanded(place)
    if not path.exists():
        raise Mistake(f"input={place}: there is no such file or folder")
    found = list_images(path)
    files = Files(path.parent, [path.name]) if path.is_file() else Files(path, found.images)
    if not files:
        passed_over = f"; {found}" if found.left_out else ""
        raise Mistake(f"input={place}: no JPEG, PNG or WebP file in this folder or below it{passed_over}")
    if found.left_out:
        warn_of_left_out(f"input={place}: {found}")
    album = open_album(files, Shape(image_size, channels), f"input={place}")
    return Images(album.pixels, names=album.names)
