"""Two domains of photographs in folders called as the public implementation of CycleGAN calls them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

import torch
from torch import Tensor

from atelier.data.album import RaggedAlbum, open_ragged_album
from atelier.data.folder import hold_out, no_folder
from atelier.data.listing import Files, list_images, warn_of_left_out
from atelier.data.names import few
from atelier.data.preprocess import BASE, Preprocess, Way, crops
from atelier.data.source import Split
from atelier.expanded import expanded
from atelier.types import Domain, Mistake

log = logging.getLogger(__name__)

Letter = Literal["A", "B"]

# Names of the folders of a split without their letter, the preferred one first.
_STEMS: dict[Split, tuple[str, ...]] = {"train": ("train",), "test": ("test", "val")}


class UnpairedFolder:
    """JPEG, PNG and WebP files of any depth below ``trainA``, ``trainB``, ``testA`` and ``testB``.

    Where a test folder is missing (``valA`` and ``valB`` also serve), one image in ten of its domain is held out
    of training, by a hash of its path. Links that lead out of ``root`` are not followed. Each split is opened once:
    what becomes of its files later is not seen.

    root: the folder that holds these four.
    preprocess, load_size, image_size: see :class:`~atelier.data.preprocess.Preprocess`; image_size is its crop_size.
    channels_a, channels_b: 1 (grey) or 3, of each domain.
    a: the letter of the folders of domain a; domain b has the other.
    paired: whether equal places in the sorted folders are true partners (names may differ by an ending _A or _B).
        Training does not use it; scores do.
    """

    def __init__(
        self,
        root: str,
        *,
        preprocess: Way,
        load_size: int,
        image_size: int,
        channels_a: int,
        channels_b: int,
        a: Letter,
        paired: bool,
    ) -> None:
        if a not in ("A", "B"):
            raise Mistake(f"data.source.a={a}: must be A or B, the letter of domain a's folders")
        for option, channels in (("channels_a", channels_a), ("channels_b", channels_b)):
            if channels not in (1, 3):
                raise Mistake(f"{option}={channels}: must be 1 (grey) or 3 (colour)")
        self.root = expanded(root)
        self.letters: dict[Domain, Letter] = {"a": a, "b": "B" if a == "A" else "A"}
        self.preprocess: dict[Domain, Preprocess] = {
            "a": Preprocess(preprocess, load_size, image_size, channels_a),
            "b": Preprocess(preprocess, load_size, image_size, channels_b),
        }
        self.paired = paired
        self._albums: dict[tuple[Split, Domain, Preprocess], RaggedAlbum] = {}

    def prepare(self) -> None:
        """Decode what a run needs and is not decoded yet: training images for crops, test images for evaluation.

        Raises Mistake where a domain has no folder, or no readable image, or whole images that no generator takes.
        """
        for domain in self.letters:
            for album in (self.training(domain), self.load("test", domain)):
                self._refuse_odd(album)

    def load(self, split: Split, domain: Domain) -> RaggedAlbum:
        """The readable images as they are evaluated, in the order of their names, which are paths below ``root``."""
        return self._album(split, domain, self.preprocess[domain].evaluation())

    def training(self, domain: Domain) -> RaggedAlbum:
        """The readable training images as crops are taken of them."""
        return self._album("train", domain, self.preprocess[domain])

    def truth(self, split: Split, domain: Domain) -> Tensor | None:
        """The partner of each image, where the folders are paired; None, with a warning, where they do not match."""
        if not self.paired:
            return None
        mine, others = self.load(split, domain), self.load(split, "b" if domain == "a" else "a")
        if _partners(mine.names) != _partners(others.names) or not isinstance(others.pixels, Tensor):
            log.warning("%s (%s): its folders do not pair up, so no translation is scored", self._said, split)
            return None
        return others.pixels

    def _refuse_odd(self, album: RaggedAlbum) -> None:
        way, pixels = self.preprocess["a"].way, album.pixels
        sides = torch.tensor([pixels.shape[2:]]) if isinstance(pixels, Tensor) else pixels.shapes[:, 1:]
        odd = (sides % BASE).any(dim=1).nonzero().flatten().tolist()
        if odd and not crops(way):
            height, width = sides[odd[0]].tolist()
            raise Mistake(
                f"data.preprocess={way}: {self.root / album.names[odd[0]]} becomes {width} x {height} pixels, and "
                f"generators take multiples of {BASE}; none rounds sides, scale_width_and_crop takes crops"
            )

    @property
    def _said(self) -> str:
        return f"data.root={self.root}"

    def _album(self, split: Split, domain: Domain, preprocess: Preprocess) -> RaggedAlbum:
        key = split, domain, preprocess
        if key not in self._albums:  # to find out that a folder is as it was, each of its files is asked for
            files = Files(self.root, self._names[domain][split])
            what = f"{self._said} ({split}{self.letters[domain]})"
            self._albums[key] = open_ragged_album(files, preprocess.decoder(), what)
        return self._albums[key]

    @cached_property
    def _names(self) -> Mapping[Domain, Mapping[Split, Sequence[str]]]:
        """The paths below ``root`` of each domain's splits."""
        if not self.root.is_dir():
            raise Mistake(no_folder(self.root))
        return {domain: self._split(letter) for domain, letter in self.letters.items()}

    def _split(self, letter: Letter) -> Mapping[Split, Sequence[str]]:
        train = self._below(f"train{letter}")
        if not train:
            raise Mistake(self._no_images(f"train{letter}"))
        tested = (self._below(f"{stem}{letter}") for stem in _STEMS["test"])
        test = next((names for names in tested if names), None)
        if test is not None:
            return {"train": train, "test": test}
        if len(train) == 1:
            log.warning("%s: train%s has one image and test%s none: it is also tested on", self._said, letter, letter)
            return {"train": train, "test": train}
        parts = hold_out(train, _partners(train) if self.paired else None)  # partners are held out together
        log.warning(
            "%s: no images in test%s: %d of the %d in train%s are held out",
            *(self._said, letter, len(parts["test"]), len(train), letter),
        )
        return parts

    def _below(self, folder: str) -> list[str]:
        """The paths below ``root`` of the images in ``folder``, sorted; none where there is no such folder."""
        found = list_images(self.root / folder, within=self.root)
        if found.left_out:
            warn_of_left_out(f"{self._said}, {folder}: {found}")
        return [f"{folder}/{name}" for name in found.images]

    def _no_images(self, folder: str) -> str:
        here = self.root / folder
        if here.is_dir():
            return f"{self._said}: no JPEG, PNG or WebP file in {folder} or below it; it holds {_entries(here)}"
        return (
            f"{self._said}: there is no folder {folder}, but {_entries(self.root)}; wanted are trainA and trainB, and "
            "testA and testB where some images are kept for testing"
        )


def _partners(names: Sequence[str]) -> list[str]:
    """What is left of the paths without the domain's folder, the ending and the letter."""
    stems = [PurePosixPath(name).with_suffix("").parts[1:] for name in names]
    return ["/".join(parts).removesuffix("_A").removesuffix("_B") for parts in stems]


def _entries(folder: Path) -> str:
    return few(sorted(entry.name for entry in folder.iterdir())) or "nothing"
