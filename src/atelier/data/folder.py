"""A person's own pictures: a folder of any depth."""

from __future__ import annotations

import difflib
import hashlib
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch

from atelier.data.album import open_album
from atelier.data.listing import Files, hidden, list_images, warn_of_left_out
from atelier.data.picture import Shape
from atelier.data.source import Images, Split, check_shape
from atelier.expanded import expanded
from atelier.types import Mistake

log = logging.getLogger(__name__)

# Names of a folder that holds a split, the preferred one first.
_SPLIT_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("train",),
    "test": ("test", "val", "valid", "validation"),
}

# One image in ten is held out where the folder names no split.
_HELD_OUT = 0.1


class ImageFolder:
    """All JPEG, PNG and WebP files below ``root``, cut to centre squares and resized.

    Links that lead out of ``root`` are not followed.

    Folders ``train`` and ``test`` (or ``val``) at the top are the splits. Otherwise one image in ten, at
    least one, is held out by a hash of its path below ``root``, so that new pictures leave the others where
    they are.

    Where all images lie in subfolders, and these are two or more, the subfolders at the top (of the split)
    are the classes, numbered in the order of their names.

    root: the folder.
    image_size: side of the images in pixels.
    channels: 1 (grey) or 3.
    """

    def __init__(self, root: str, image_size: int, channels: int) -> None:
        check_shape(image_size, channels)
        self.root = expanded(root)
        self.shape = Shape(image_size, channels)
        self._loaded: dict[Split, Images] = {}

    def prepare(self) -> None:
        """Decode what is not decoded yet. Raises Mistake where there is no folder, or no readable image."""
        for split in self._names:
            self.load(split)

    def load(self, split: Split) -> Images:
        """The readable images of ``split``, in the order of their names, which are paths below ``root``."""
        if split not in self._loaded:
            self._loaded[split] = self._opened(split)
        return self._loaded[split]

    def _opened(self, split: Split) -> Images:
        files = Files(self.root, self._names[split])
        pixels, names = open_album(files, self.shape, f"data.root={self.root} ({split})")
        if not self._classes:
            return Images(pixels, names=names)
        numbers = {name: number for number, name in enumerate(self._classes)}
        labels = [numbers[self._class_of(name)] for name in names]
        return Images(pixels, torch.tensor(labels), names, self._classes)

    @cached_property
    def _all_names(self) -> list[str]:
        """The paths of all images below ``root``."""
        if not self.root.is_dir():
            raise Mistake(no_folder(self.root))
        found = list_images(self.root)
        if not found.images:
            passed_over = f"; {found}" if found.left_out else ""
            raise Mistake(f"data.root={self.root}: no JPEG, PNG or WebP file in this folder or below it{passed_over}")
        if found.left_out:
            warn_of_left_out(f"data.root={self.root}: {found}")
        return found.images

    @cached_property
    def _names(self) -> dict[Split, list[str]]:
        """The paths of each split below ``root``."""
        names = self._all_names
        if all(self._split_folders.values()):
            named = {split: [n for n in names if _top(n) == top] for split, top in self._split_folders.items()}
            if outside := len(names) - sum(map(len, named.values())):
                log.warning("data.root=%s: %d images outside train and test are not used", self.root, outside)
            return named
        if len(names) == 1:
            raise Mistake(f"data.root={self.root}: only one image; training and testing need one each")
        return hold_out(names)

    @cached_property
    def _split_folders(self) -> dict[Split, str]:
        """The top folder of each split, "" where there is none that holds images."""
        tops = {_top(name) for name in self._all_names}
        ranked = {
            split: [top for wanted in folders for top in sorted(tops) if top.lower() == wanted]
            for split, folders in _SPLIT_FOLDERS.items()
        }
        return {split: found[0] if found else "" for split, found in ranked.items()}

    @cached_property
    def _classes(self) -> Sequence[str]:
        """The classes' names in order; none where the folders do not sort the images."""
        found = {self._class_of(name) for names in self._names.values() for name in names}
        return sorted(found) if len(found) > 1 and "" not in found else []

    def _class_of(self, name: str) -> str:
        return _top(name.partition("/")[2] if all(self._split_folders.values()) else name)


def _top(name: str) -> str:
    """The first folder of a path, "" for a file that lies in none."""
    top, inner, _ = name.partition("/")
    return top if inner else ""


def hold_out(names: Sequence[str], called: Sequence[str] | None = None) -> dict[Split, list[str]]:
    """Split two names or more by their hashes: one in ten, at least one, is for testing.

    called: what is hashed in the place of each name.
    """
    places = {name: _place(known) for name, known in zip(names, called or names, strict=True)}
    ranked = sorted(names, key=places.__getitem__)
    count = sum(place < _HELD_OUT for place in places.values())
    held_out = set(ranked[: min(max(count, 1), len(names) - 1)])
    return {
        "train": [name for name in names if name not in held_out],
        "test": [name for name in names if name in held_out],
    }


def _place(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    digest = hashlib.blake2b(name.encode(errors="surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def no_folder(root: Path) -> str:
    """What to say of a ``root`` that is no folder, with the nearest that is one."""
    if root.exists():
        return f"data.root={root}: this is a file; name the folder that holds the pictures"
    nearest = next((parent for parent in root.absolute().parents if parent.is_dir()), Path("/"))
    wanted = root.absolute().relative_to(nearest).parts[0]
    siblings = [entry.name for entry in nearest.iterdir() if entry.is_dir() and not hidden(entry.name)]
    close = difflib.get_close_matches(wanted, siblings, n=1)
    hint = f"did you mean {nearest / close[0]}?" if close else f"the nearest that exists is {nearest}"
    return f"data.root={root}: no such folder; {hint}"
