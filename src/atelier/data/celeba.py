"""CelebA, aligned and cropped, by torchvision."""

from __future__ import annotations

from atelier.data.album import open_album
from atelier.data.download import BY_ROOT, downloading
from atelier.data.picture import Shape
from atelier.data.source import Images, Split, check_shape
from atelier.expanded import expanded
from atelier.types import Mistake

_PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"

# The numbers of list_eval_partition.txt; 1 is validation, which is not used.
_PARTITION: dict[Split, str] = {"train": "0", "test": "2"}

_WIDTH = 178


class CelebA:
    """162,770 training and 19,962 test photographs of faces, 178 x 218 (Liu et al. 2015), without labels.

    root: the folder that holds torchvision's ``celeba``, or where it downloads it to.
    crop: side of the centre square that is kept: 178 for the whole width, 108 for the face alone, as public
        DCGAN code has it.
    image_size: side of the images in pixels that the square is resized to.
    channels: 3, or 1 for grey.
    """

    def __init__(self, root: str, crop: int, image_size: int, channels: int) -> None:
        check_shape(image_size, channels)
        if not 1 <= crop <= _WIDTH:
            raise Mistake(f"data.source.crop={crop}: must be 1 to {_WIDTH}, the photographs' width")
        self.root = expanded(root)
        self.shape = Shape(image_size, channels, crop)

    def prepare(self) -> None:
        """Download what is not there, and decode the photographs once."""
        if not self._here():
            folder = self.root / "celeba"
            by_hand = (
                f"from {_PAGE} get img_align_celeba.zip and list_eval_partition.txt, unpack the archive in "
                f"{folder} and put the text file beside; or name the folder above by {BY_ROOT}"
            )
            with downloading("CelebA", self.root, by_hand):
                # Imported here: a second's work that other data does not need.
                from torchvision.datasets import CelebA as Downloaded

                if not self._here():
                    Downloaded(str(self.root), download=True)
        self._refuse_part()
        for split in _PARTITION:
            self.load(split)

    def load(self, split: Split) -> Images:
        """The photographs of ``split`` in the order of their numbers."""
        folder, rows = self.root / "celeba", self._listed()
        files = {row[0]: folder / "img_align_celeba" / row[0] for row in rows if row[1:] == [_PARTITION[split]]}
        album = open_album(files, self.shape, f"data.root={self.root} ({split})")
        return Images(album.pixels, names=album.names)

    def _listed(self) -> list[list[str]]:
        """Each photograph's name and split."""
        text = (self.root / "celeba" / "list_eval_partition.txt").read_text(encoding="ascii")
        return [line.split() for line in text.splitlines()]

    def _refuse_part(self) -> None:
        """Photographs are unpacked in the order of their numbers: without the last, somebody was cut off."""
        folder, rows = self.root / "celeba" / "img_align_celeba", self._listed()
        if rows and not (folder / rows[-1][0]).is_file():
            raise Mistake(
                f"data.root={self.root}: celeba/img_align_celeba holds no {rows[-1][0]}, the last photograph: it was "
                f"not unpacked to the end. Delete {folder} for another attempt, or unpack img_align_celeba.zip there"
            )

    def _here(self) -> bool:
        folder = self.root / "celeba"
        return (folder / "list_eval_partition.txt").is_file() and (folder / "img_align_celeba").is_dir()
