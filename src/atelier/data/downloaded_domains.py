"""Two domains of photographs that come as a zip archive from the network."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from atelier.data.album import RaggedAlbum
from atelier.data.archive import BadArchive, check_zip, unpack
from atelier.data.download import BY_ROOT, downloading
from atelier.data.fetch import fetch, is_http
from atelier.data.listing import list_images
from atelier.data.source import Split
from atelier.data.unpaired_folder import UnpairedFolder
from atelier.expanded import expanded
from atelier.types import Domain, Mistake
from atelier.whole_file import sync_folder

log = logging.getLogger(__name__)

_FOLDERS = ("trainA", "trainB", "testA", "testB")


class DownloadedDomains:
    """A set in the form of the public CycleGAN data sets: ``trainA``, ``trainB``, ``testA`` and ``testB`` in one zip.

    The folder is there only when it is whole: the archive is fetched and unpacked beside it, under hidden names,
    and what is unpacked gets its name at the very end.

    name: what the set is called.
    folder: the place that holds the images, or where they go; also how they are read.
    addresses: where the archive is published (http or https), the preferred one first.
    mirrors: further addresses, which are asked first.
    archive: a zip file that is here already, instead of a download; it stays where it is.
    sha256: hexadecimal digest of the archive, None where it is not known or shall not count. Without one, the archive
        must still be whole (every member's CRC) and hold images in all four folders.
    counts: number of images by folder; others are warned of.
    """

    def __init__(
        self,
        name: str,
        folder: UnpairedFolder,
        *,
        addresses: Sequence[str],
        mirrors: Sequence[str],
        archive: str | None,
        sha256: str | None,
        counts: Mapping[str, int] | None,
    ) -> None:
        for option, values in (("addresses", addresses), ("mirrors", mirrors)):
            if wrong := [value for value in values if not is_http(value)]:
                raise Mistake(f"data.source.{option}: {wrong[0]} is no http or https address")
        if sha256 is not None and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):
            raise Mistake(f"data.source.sha256={sha256}: must be 64 hexadecimal digits, or null")
        self.name, self.folder = name, folder
        self.addresses = (*mirrors, *addresses)
        self.archive = None if archive is None else expanded(archive)
        self.sha256, self.counts = sha256, counts

    def prepare(self) -> None:
        """Download and unpack what is not there, and decode the images once."""
        if not self._here():
            self._refuse_other_folder()
            by_hand = (
                f"get {self.name}.zip somewhere else and name it (data.source.archive=<file>) or its address "
                "(data.source.mirrors=[<address>]), or name the folder that holds trainA, trainB, testA and testB: "
                + BY_ROOT
            )
            with downloading(self.name, self.folder.root, by_hand):
                if not self._here():
                    self._bring()
        self.folder.prepare()

    def load(self, split: Split, domain: Domain) -> RaggedAlbum:
        """The images as they are evaluated, in the order of their names."""
        return self.folder.load(split, domain)

    def training(self, domain: Domain) -> RaggedAlbum:
        """The training images as crops are taken of them."""
        return self.folder.training(domain)

    def truth(self, split: Split, domain: Domain) -> Tensor | None:
        """The partner of each image, where the folders are paired."""
        return self.folder.truth(split, domain)

    def _here(self) -> bool:
        return all((self.folder.root / f"train{letter}").is_dir() for letter in ("A", "B"))

    def _refuse_other_folder(self) -> None:
        root = self.folder.root
        if root.is_dir() and any(root.iterdir()):
            raise Mistake(
                f"data.root={root}: this folder holds something, but not trainA and trainB; name the folder that does, "
                f"or one that does not exist yet for a download of {self.name}"
            )
        if root.exists() and not root.is_dir():
            raise Mistake(f"data.root={root}: this is a file; name a folder")
        if self.archive is not None and not self.archive.is_file():
            raise Mistake(f"data.source.archive={self.archive}: there is no such file")

    def _bring(self) -> None:
        """Make the folder out of the archive."""
        if self.archive is not None:
            try:
                check_zip(self.archive)
                self._unpack(self.archive)
            except BadArchive as error:
                raise Mistake(f"data.source.archive={self.archive}: {error}") from error
            return
        fetched = self._beside("zip")
        if not fetched.exists():  # an earlier call may have had no room to unpack it
            fetch(self.addresses, fetched, sha256=self.sha256, check=check_zip)
        try:
            self._unpack(fetched)
        except BadArchive:
            fetched.unlink()
            raise
        fetched.unlink()

    def _unpack(self, archive: Path) -> None:
        # The folder itself, where a link leads to it: it is to be taken away, and its disk has the room.
        root, building = self.folder.root.resolve(), self._beside("unpacking")
        log.info("%s: unpacking into %s", self.name, root)
        shutil.rmtree(building, ignore_errors=True)  # left by a killed process
        building.mkdir(parents=True)
        try:
            unpack(archive, building)
            home = self._home(building)
            if root.exists():
                root.rmdir()
            home.rename(root)
            sync_folder(root.parent)
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def _home(self, unpacked: Path) -> Path:
        """The folder that holds the four, at the top or one below. Raises BadArchive where one is missing or empty."""
        candidates = [unpacked, *sorted(path for path in unpacked.iterdir() if path.is_dir())]
        home = next((path for path in candidates if (path / _FOLDERS[0]).is_dir()), unpacked)
        found = {folder: len(list_images(home / folder).images) for folder in _FOLDERS}
        if lacking := [folder for folder, count in found.items() if not count]:
            raise BadArchive(f"the archive has no images in {', '.join(lacking)}")
        if self.counts is not None and found != dict(self.counts):
            log.warning("%s: the archive holds %s images, and %s were expected", self.name, found, dict(self.counts))
        return home

    def _beside(self, suffix: str) -> Path:
        # Hidden, and on the same disk, so that the last step is a rename.
        root = self.folder.root.resolve()
        return root.with_name(f".{root.name}.{suffix}")
