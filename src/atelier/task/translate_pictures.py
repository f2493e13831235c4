"""One picture after the other through a generator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image

from atelier.task.canvas import beside, open_picture, to_picture, to_tensor, write
from atelier.task.gallery import Card, card, shown
from atelier.task.jobs import Job
from atelier.task.progress_bar import track
from atelier.task.resume_translation import finished
from atelier.task.tiles import Tiling, translate_image
from atelier.task.translator import Generator
from atelier.types import Mistake


class PictureTranslator:
    """Translates pictures, and keeps count.

    generator: on the device that it shall work on.
    size: pixels that the shorter side is brought to first, None for each picture's own size.
    side_by_side: write each translation to the right of its picture.
    """

    def __init__(self, generator: Generator, tiling: Tiling, *, size: int | None, side_by_side: bool) -> None:
        self.generator, self.tiling, self.size, self.side_by_side = generator, tiling, size, side_by_side
        self.made, self.kept = 0, 0
        self.unreadable: dict[str, str] = {}
        self.cards: list[Card] = []

    def translate(self, jobs: Sequence[Job], since: float) -> None:
        """Translate what is not there yet; what was made before ``since`` does not count.

        Raises OSError where a translation cannot be written.
        """
        on_page = shown(len(jobs))
        for place, job in enumerate(track(jobs, "pictures")):
            translation = finished(job, since)
            if translation is not None and place not in on_page:
                self.kept += 1
                continue
            picture = open_picture(job.source, self.generator.channels, self.size)
            if isinstance(picture, str):
                self.unreadable[job.name] = picture
                continue
            if translation is None:
                translation = self._translate(picture)
                if obstacle := write(translation, job.target):
                    self.unreadable[job.name] = obstacle
                    continue
                self.made += 1
            else:
                self.kept += 1
            if place in on_page:
                self.cards.append(card(job.name, [translation] if self.side_by_side else [picture, translation]))

    def _translate(self, picture: Image.Image) -> Image.Image:
        try:
            made = translate_image(self.generator.network, to_tensor(picture), self.generator.sides, self.tiling)
        except torch.OutOfMemoryError as error:
            side = self.tiling.side or max(picture.size)
            raise Mistake(f"tile={self.tiling.side}: too large for this device's memory; try {side // 2}") from error
        return beside(picture, to_picture(made)) if self.side_by_side else to_picture(made)
